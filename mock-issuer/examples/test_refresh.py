"""pytest with only python3 and requests. MOCK_ISSUER is the command; by default, npx runs the installed package."""
import json
import os
import subprocess

import pytest
import requests


@pytest.fixture(scope="session")
def server():
    command = os.environ.get("MOCK_ISSUER", "npx mock-issuer").split()
    options = ["--control", "--until-stdin-closes"]
    with subprocess.Popen(command + options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield json.loads(process.stdout.readline())
        process.stdin.close()


@pytest.fixture
def control(server):
    def ask(method, path, **body):
        headers = {"Authorization": "Bearer " + server["control"]["token"]}
        answer = requests.request(method, server["control"]["url"] + "/" + path, json=body, headers=headers)
        answer.raise_for_status()
        return answer.json()

    ask("POST", "reset")
    return ask


def refresh(server, token):
    form = {"grant_type": "refresh_token", "client_id": "demo", "refresh_token": token}
    return requests.post(server["issuer"] + "/token", data=form)


def test_reuse_ends_the_session(server, control):
    control("PUT", "rotation", rotation="strict")
    first = control("POST", "tokens")["refresh_token"]
    second = refresh(server, first).json()["refresh_token"]
    assert refresh(server, first).json()["error"] == "invalid_grant"
    assert refresh(server, second).status_code == 400


def test_an_issuer_in_trouble(server, control):
    token = control("POST", "tokens")["refresh_token"]
    control("POST", "faults/once", type="serverError", at="token")
    assert [refresh(server, token).status_code for _ in range(2)] == [503, 200]
