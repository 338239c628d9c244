"""What the facade's tests share."""

import pytest


@pytest.fixture
def run(trained_lab):
    return trained_lab.run("first")
