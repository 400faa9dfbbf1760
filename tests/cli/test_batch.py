"""Many models: each on its own, the same in any number of processes, resumable."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import graphpass
from graphpass.cli import main
from graphpass.rules.store import Pool, find_jobs, read_log, run_jobs

FIXTURES = Path(__file__).parents[2] / "fixtures"
MODELS = str(FIXTURES / "*-symbol.json")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["batch", *arguments])
    return int(ended.value.code or 0)


def facts(folder: Path) -> dict[str, Any]:
    """Return what was done, without how long it took."""
    return {
        Path(line["model"]).name: {key: line.get(key) for key in ("status", "operators", "error")}
        for line in read_log(folder / "batch.jsonl").values()
    }


def written(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".jsonl"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_pass_over_all_fixtures(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run("optimize-for-inference", MODELS, "-o", str(tmp_path)) in (0, 1)
    symbols = sorted(FIXTURES.glob("*-symbol.json"))
    assert len(facts(tmp_path)) == len(symbols)
    assert f"{len(symbols)} models:" in capsys.readouterr().out
    assert facts(tmp_path)["residual-symbol.json"]["operators"] == [10, 8]
    expected = graphpass.load(FIXTURES / "residual")
    graphpass.apply("optimize-for-inference", expected)
    assert graphpass.diff(expected, graphpass.load(tmp_path / "residual")).equal


def test_two_processes_write_what_one_does(tmp_path: Path):
    run("optimize-for-inference", MODELS, "-o", str(tmp_path / "one"))
    run("optimize-for-inference", MODELS, "-o", str(tmp_path / "two"), "--jobs", "2")
    assert facts(tmp_path / "one") == facts(tmp_path / "two")
    assert written(tmp_path / "one") == written(tmp_path / "two")


def test_what_is_done_is_not_done_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run("prune", MODELS, "-o", str(tmp_path))
    log = (tmp_path / "batch.jsonl").read_bytes()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*-symbol.json")}
    capsys.readouterr()
    run("prune", MODELS, "-o", str(tmp_path))
    assert "known from an earlier run" in capsys.readouterr().out
    assert (tmp_path / "batch.jsonl").read_bytes() == log
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*-symbol.json")}
    # A cut line, another pass, or a lost output is work to do.
    (tmp_path / "residual-symbol.json").unlink()
    run("prune", MODELS, "-o", str(tmp_path))
    assert (tmp_path / "residual-symbol.json").exists()
    lines = (tmp_path / "batch.jsonl").read_bytes().splitlines()
    assert len(lines) == len(log.splitlines()) + 2  # what it set out to do, and that it is done


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path):
    command = [sys.executable, "-m", "graphpass", "batch", "optimize-for-inference", MODELS,
               "-o", str(tmp_path)]  # fmt: skip
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = tmp_path / "batch.jsonl"
    while child.poll() is None and (not log.exists() or log.read_bytes().count(b"\n") < 2):
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    with log.open("a") as file:
        file.write('{"model": "cut short')
    known = len(read_log(log))
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    lines = [line for line in log.read_text().splitlines() if line.endswith("}")]
    keys = [json.loads(line)["key"] for line in lines if "claims" not in line]
    assert len(keys) >= known and len(set(keys)) == len(keys) == len(
        [*FIXTURES.glob("*-symbol.json")]
    )


def test_a_failure_is_kept_apart_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken-symbol.json").write_text("{")
    (tmp_path / "in" / "good-symbol.json").write_bytes(
        (FIXTURES / "conv1-symbol.json").read_bytes()
    )
    pattern, out = str(tmp_path / "in" / "*"), tmp_path / "out"
    assert run("prune", pattern, "-o", str(out)) == 1
    printed = capsys.readouterr().out
    assert "2 models: 1 done, 1 failed" in printed and "failed: " in printed
    assert [path.name for path in out.glob("*-symbol.json")] == ["good-symbol.json"]
    (tmp_path / "in" / "broken-symbol.json").write_bytes(
        (FIXTURES / "conv1-symbol.json").read_bytes()
    )
    assert run("prune", pattern, "-o", str(out)) == 0, "a file that changed is another job"


def test_folders_are_kept_below_the_pattern(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "m-symbol.json").write_bytes(
            (FIXTURES / "conv1-symbol.json").read_bytes()
        )
    assert (
        run("prune", str(tmp_path / "in" / "**" / "*-symbol.json"), "-o", str(tmp_path / "o")) == 0
    )
    assert sorted(written(tmp_path / "o")) == ["a/m-symbol.json", "b/m-symbol.json"]


def die_once(job: Any) -> dict[str, Any]:
    marker = Path(job.out).with_suffix(".died")
    if "residual" in job.symbol and not marker.exists():
        marker.parent.mkdir(exist_ok=True)
        marker.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return {"key": job.key, "model": job.symbol, "status": "done"}


def die_always(job: Any) -> dict[str, Any]:
    if "residual" in job.symbol:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"key": job.key, "model": job.symbol, "status": "done"}


@pytest.mark.parametrize(("work", "failed"), [(die_once, 0), (die_always, 1)])
def test_a_worker_that_dies_takes_no_other_model_down(tmp_path: Path, work: Any, failed: int):
    jobs = find_jobs([MODELS], tmp_path, "prune")
    lines = list(Pool(2).run(work, jobs))
    assert sorted(line["key"] for line in lines) == sorted(job.key for job in jobs)
    bad = [line for line in lines if line["status"] != "done"]
    assert all("worker process died" in line["error"] for line in bad)
    assert len(bad) >= failed and any("residual" in line["model"] for line in bad) == bool(failed)


def test_shapes_of_inputs_are_those_of_the_model(tmp_path: Path):
    shapes = tmp_path / "shapes.json"
    shapes.write_text(json.dumps({"residual": {"data": [1, 3, 8, 8]}}))
    (job,) = find_jobs(
        [str(FIXTURES / "residual")], tmp_path, "prune", shapes=json.loads(shapes.read_text())
    )
    assert job.shapes == {"data": (1, 3, 8, 8)}
    assert (
        run("prune", str(FIXTURES / "residual"), "-o", str(tmp_path / "o"), "--shapes", str(shapes))
        == 0
    )
    shapes.write_text("[1]")
    assert (
        run("prune", str(FIXTURES / "residual"), "-o", str(tmp_path / "o"), "--shapes", str(shapes))
        == 2
    )


def test_a_broken_pass_and_no_model_end_before_any_work(tmp_path: Path):
    assert run("no-such-pass", MODELS, "-o", str(tmp_path / "o")) == 2
    assert run("prune", str(tmp_path / "*-symbol.json"), "-o", str(tmp_path / "o")) == 2
    assert not (tmp_path / "o").exists()


def test_dask_does_the_same_and_survives_a_killed_worker(tmp_path: Path):
    distributed = pytest.importorskip("distributed", reason="needs the dask extra")
    run("optimize-for-inference", MODELS, "-o", str(tmp_path / "one"))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]
        from graphpass.cli.batch import _Dask

        jobs = find_jobs([MODELS], tmp_path / "dask", "optimize-for-inference")
        with _Dask(cluster.scheduler_address) as workers:
            lines = run_jobs(jobs, tmp_path / "dask" / "batch.jsonl", workers)
            first = next(lines)
            os.kill(pids[0], signal.SIGKILL)
            assert len([first, *lines]) == len(jobs)
    assert facts(tmp_path / "one") == facts(tmp_path / "dask")
    assert written(tmp_path / "one") == written(tmp_path / "dask")


def test_a_scheduler_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("distributed", reason="needs the dask extra")
    assert run("prune", MODELS, "-o", str(tmp_path), "--scheduler", "nonsense://x") == 2
    assert "no scheduler answers there" in capsys.readouterr().err


def test_nothing_is_replaced_that_this_run_did_not_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    model = graphpass.load(FIXTURES / "residual")
    model.save(tmp_path / "in" / "residual")
    source = str(tmp_path / "in" / "residual")
    assert run("prune", source, "-o", str(tmp_path / "in")) == 2
    assert "is an input itself" in capsys.readouterr().err
    model.save(tmp_path / "out" / "residual")
    assert run("optimize-for-inference", source, "-o", str(tmp_path / "out")) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert graphpass.diff(model, graphpass.load(tmp_path / "out" / "residual")).equal
    words = ("optimize-for-inference", source, "-o", str(tmp_path / "out"))
    assert run(*words, "--overwrite") == 0
    other = ("prune", source, "-o", str(tmp_path / "out"))
    assert run(*other) == 2, "another pass wrote it"
    assert run(*other, "--overwrite") == 0
    assert run(*words) == 2, "what it did is no longer there"
    assert run(*words, "--overwrite") == 0
    expected = model.copy()
    graphpass.apply("optimize-for-inference", expected)
    assert graphpass.diff(expected, graphpass.load(tmp_path / "out" / "residual")).equal
