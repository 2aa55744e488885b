"""The files one deploys with fit the code: what they copy, run, ask and set is there."""

import json
import re
import tomllib

import pytest
import yaml

import runner
from qa.reference import ROOT

DEPLOY = ROOT / "deploy"
DOCKERFILES = [DEPLOY / "Dockerfile", DEPLOY / "pipecat-cloud" / "Dockerfile"]
KUBERNETES = [*yaml.safe_load_all((DEPLOY / "kubernetes" / "vivace.yaml").read_text())]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SETTINGS = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))


def lines(dockerfile) -> list[str]:
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(), flags=re.M)
    return [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def served(words: list[str]):
    assert words[:2] == ["python", "runner.py"]
    return runner.parser().parse_args(words[2:])


def pod() -> dict:
    return next(d for d in KUBERNETES if d["metadata"]["name"] == "vivace")["spec"]["template"]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_an_image_copies_what_there_is_and_all_that_it_runs(dockerfile):
    copied = [
        w for line in lines(dockerfile) if line.startswith("COPY ") for w in line.split()[1:-1]
    ]
    copied = [word for word in copied if not word.startswith("-") and word != "/venv"]
    assert all((ROOT / name).exists() for name in copied)
    allowed = (dockerfile.parent / "Dockerfile.dockerignore").read_text().split()
    assert {f"!{name}" for name in copied} <= set(allowed)
    needed = {"bots", "processors", "services", "sessions", "tools"}
    whole = {"qa", "serving", "web", "runner.py"} if dockerfile.parent == DEPLOY else set()
    assert needed | whole <= set(copied)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_an_image_installs_extras_that_exist_under_the_constraints(dockerfile):
    text = dockerfile.read_text()
    (extras,) = re.findall(r"EXTRAS=([\w,]+)", text) or re.findall(r"\.\[([\w,]+)\]", text)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    assert "-c constraints.txt" in text


def test_the_image_runs_the_server_as_nobody_in_particular_and_hears_sigterm():
    instructions = lines(DEPLOY / "Dockerfile")
    assert instructions[-1].startswith("CMD [")  # a shell would keep the signal to itself
    args = served(json.loads(instructions[-1].removeprefix("CMD ")))
    assert args.host == "0.0.0.0" and args.port == 7860
    assert "USER vivace" in instructions and "EXPOSE 7860" in instructions
    assert all(":" in x.split()[1] for x in instructions if x.startswith("FROM "))
    version = re.findall(r"python:(3\.\d+)", instructions[0])[0]
    assert version in ("3.11", "3.12", "3.13")


def test_compose_gives_the_server_its_store_and_metrics_its_address():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert set(services) == {"vivace", "redis", "prometheus"}
    vivace = services["vivace"]
    assert (DEPLOY / vivace["build"]["context"] / vivace["build"]["dockerfile"]).exists()
    assert set(vivace["environment"]) <= SETTINGS
    assert vivace["environment"]["VIVACE_STORE"].startswith("redis://redis:")
    assert int(vivace["stop_grace_period"].rstrip("s")) >= runner_drain() + 5
    mounted = [v.split(":")[0] for v in services["prometheus"]["volumes"] if v.startswith("./")]
    assert mounted and all((DEPLOY / path).exists() for path in mounted)
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    assert scraped["scrape_configs"][0]["static_configs"][0]["targets"] == ["vivace:7860"]


def test_a_pod_is_asked_where_the_server_answers_and_has_time_to_drain():
    spec = pod()["spec"]
    container = spec["containers"][0]
    args = served(container["args"])
    assert args.port == container["ports"][0]["containerPort"]
    assert spec["terminationGracePeriodSeconds"] >= args.drain + 5
    app = (ROOT / "serving" / "app.py").read_text()
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert f'@app.get("{container[probe]["httpGet"]["path"]}")' in app
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert {setting["name"] for setting in container["env"]} <= SETTINGS
    assert spec["securityContext"]["runAsNonRoot"]


def test_what_a_manifest_selects_and_mounts_is_in_it():
    labels = [
        d["spec"]["template"]["metadata"]["labels"] for d in KUBERNETES if d["kind"] == "Deployment"
    ]
    for document in KUBERNETES:
        selector = document["spec"]["selector"]
        assert selector.get("matchLabels", selector) in labels
    for document in KUBERNETES:
        if document["kind"] == "Deployment":
            spec = document["spec"]["template"]["spec"]
            volumes = {volume["name"] for volume in spec["volumes"]}
            mounts = {m["name"] for c in spec["containers"] for m in c["volumeMounts"]}
            assert mounts <= volumes


def test_pipecat_cloud_gets_a_bot_of_its_own_name():
    assert "from bots import bot" in (DEPLOY / "pipecat-cloud" / "Dockerfile").read_text()
    settings = tomllib.loads((DEPLOY / "pipecat-cloud" / "pcc-deploy.toml").read_text())
    assert {"agent_name", "image", "secret_set", "agent_profile"} <= set(settings)
    assert settings["scaling"]["min_agents"] >= 1


def runner_drain() -> float:
    return runner.parser().parse_args(["serve"]).drain
