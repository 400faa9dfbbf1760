"""``graphpass view``: a model, or what differs between two, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from graphpass.cli import options
from graphpass.cli.options import load_model, parse_shapes

__all__ = ["view"]


@click.command
@click.argument("model", metavar="MODEL", help="PREFIX[:EPOCH] or a path.")
@click.argument("other", metavar="[OTHER]", required=False, help="A model to compare it with.")
@options.inputs
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="FILE",
    help="The page; MODEL.html in this folder if left out.",
)  # fmt: skip
@click.option("--svg", is_flag=True, help="Write an SVG picture instead, without folds.")
@click.option("--dot", is_flag=True, help="Write the language of Graphviz instead.")
@click.option("--no-values", is_flag=True, help="Don't read the weights for histograms.")
@click.option("--open", "show", is_flag=True, help="Open the page in a browser.")
@options.overwrite
def view(
    model: str,
    other: str | None,
    inputs: Sequence[str],
    out: Path | None,
    svg: bool,
    dot: bool,
    no_values: bool,
    show: bool,
    overwrite: bool,
) -> None:
    """Draw a model, or the difference between two, on one page that needs no network."""
    from graphpass.formats.saving import refuse_existing, write_text
    from graphpass.view import page as pages
    from graphpass.view.drawing import draw, draw_difference

    flat = svg or dot
    name = Path(model.partition(":")[0]).name.removesuffix("-symbol.json") or "model"
    suffix = ".svg" if svg else ".dot" if dot else ".html"
    path = out or Path(f"{name}{suffix}")
    refuse_existing(path, overwrite=overwrite)
    shapes = parse_shapes(inputs)
    loaded = load_model(model, values=False)
    if other is None:
        drawing = draw(loaded, shapes, title=name, histograms=not (flat or no_values))
    else:
        from graphpass.verify import diff

        second = load_model(other, values=False)
        drawing = draw_difference(
            loaded,
            second,
            diff(loaded, second),
            shapes,
            title=f"{model} → {other}",
            histograms=not (flat or no_values),
        )
    form = pages.svg if svg else pages.dot if dot else pages.page
    write_text(path, form(drawing), overwrite=overwrite)
    click.echo(str(path))
    if show:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
