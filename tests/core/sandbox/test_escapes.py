"""What programs try from behind the walls: each attack is contained, and the next program sees nothing of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from chimera.errors import InputError
from chimera.sandbox import trials
from chimera.sandbox.inside.walls import Limits
from chimera.sandbox.trials import Outcome, Trial, check_all, usable_walls

TIGHT = Limits(processor_seconds=1, wall_seconds=3.0, memory_mib=256)


@dataclass(frozen=True)
class Attack:
    """`program` defines `f`; `expected` is a reason, or what `f()` returns after the attack has failed."""

    program: str
    expected: object


def denied(action: str) -> Attack:
    """`action` raises OSError."""
    return Attack(
        f"def f():\n    try:\n        {action}\n    except OSError:\n        return 'denied'", {"is": "denied"}
    )


# On a busy machine one second of processor time can be long; bubblewrap only tells that it was killed.
TOO_LONG = {"processor_time", "wall_time", "crashed"}
IMPORTS = "import ctypes, os, signal, socket, subprocess, sys, threading, time\n"
SPIN = "    while True:\n        pass"
ATTACKS = {
    "loops": Attack(f"def f():\n{SPIN}", TOO_LONG),
    "loops with every signal ignored": Attack(
        f"def f():\n    for n in (1, 2, 3, 10, 12, 14, 15, 24):\n        signal.signal(n, signal.SIG_IGN)\n{SPIN}",
        TOO_LONG,
    ),
    "loops before the call": Attack("while True:\n    pass", TOO_LONG),
    "sleeps": Attack("def f():\n    time.sleep(100)", TOO_LONG),
    "sleeps out of its session": Attack(
        "def f():\n    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\n    ctypes.CDLL(None).setsid()\n    time.sleep(100)",
        TOO_LONG,
    ),
    "eats memory": Attack("def f():\n    return len(bytearray(1 << 30))", "raised"),
    "eats memory for good": Attack(
        "def f():\n    kept = []\n    while True:\n        kept.append('x' * 10**6)", {"raised", *TOO_LONG}
    ),
    "forks": denied("os.fork()"),
    "starts a program": denied("subprocess.run(['/bin/sh', '-c', 'true'])"),
    "starts threads": Attack(
        "def f():\n    try:\n        threading.Thread(target=time.sleep, args=(9,)).start()\n"
        "    except RuntimeError:\n        return 'denied'",
        {"is": "denied"},
    ),
    "opens a connection": denied("socket.create_connection(('192.0.2.1', 80), 1)"),
    "asks this machine": denied("socket.create_connection(('127.0.0.1', 5432), 1)"),
    "resolves a name": denied("socket.getaddrinfo('example.org', 80)"),
    "sees other network devices": Attack(
        "def f():\n    return [n for _, n in socket.if_nameindex() if n != 'lo']", {"is": []}
    ),
    "reads passwords": denied("open('/etc/shadow').read()"),
    "reads who there is": denied("open('/etc/passwd').read()"),
    "reads the project": denied(f"open({str(Path(trials.__file__))!r}).read()"),
    "reads through a link": denied(
        "os.symlink('/etc/shadow', '/tmp/escaped-link') or open('/tmp/escaped-link').read()"
    ),
    "looks at processes": denied("os.listdir('/proc')"),
    "writes to the libraries": denied("open('/usr/lib/escaped', 'w')"),
    "writes to the root": denied("open('/escaped', 'w')"),
    "writes to the shared memory": denied("open('/dev/shm/escaped', 'w').write('x') and os.stat('/dev/shm/nothing')"),
    "writes a large file": denied("open('/tmp/x', 'wb').write(bytes(2 << 20))"),
    "writes many files": Attack(
        "def f():\n    for n in range(10**7):\n        open(f'/tmp/{n}', 'w')", {"raised", *TOO_LONG}
    ),
    "becomes root": denied("os.setuid(0)"),
    "kills all it can": Attack(
        "def f():\n    for pid in (1, os.getppid() or 1):\n"
        "        try:\n            os.kill(pid, 9)\n        except OSError:\n            pass\n    return 'alive'",
        {"is": "alive"},
    ),
    "mounts": Attack("def f():\n    return ctypes.CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, None)", {"is": -1}),
    "traces its parent": Attack("def f():\n    return ctypes.CDLL(None).ptrace(16, 1, 0, 0)", {"is": -1}),
    "sees secrets in its environment": Attack("def f():\n    return dict(os.environ)", {"is": {}}),
    "crashes": Attack("def f():\n    ctypes.string_at(0)", "crashed"),
    "recurses": Attack("def f():\n    return f()", "raised"),
    "ends at once": Attack("os._exit(0)", "crashed"),
    "ends politely": Attack("def f():\n    sys.exit(0)", "raised"),
    "returns itself": Attack("def f():\n    x = []\n    x.append(x)\n    return x", "raised"),
    "returns too much": Attack("def f():\n    return 'x' * 10**7", "raised"),
    "returns endlessly": Attack("import itertools\ndef f():\n    return itertools.count()", "failed"),
    "prints too much": Attack(
        "def f():\n    for _ in range(10**4):\n        print('x' * 10**4)\n    return 7", {"is": 7}
    ),
    "returns what equals everything": Attack(
        "class Anything:\n    def __eq__(self, other):\n        return True\n    __hash__ = None\n"
        "def f():\n    return Anything()",
        "failed",
    ),
    "returns a number that equals everything": Attack(
        "class Anything(int):\n    def __eq__(self, other):\n        return True\n    __hash__ = None\n"
        "def f():\n    return Anything(3)",
        "failed",
    ),
    "patches what its checker is made of": Attack(
        "import builtins, json\nbuiltins.AssertionError = Exception\n"
        "json.dumps = lambda value, **_: '{\"value\": 42}'\n"
        "for name, module in list(sys.modules.items()):\n"
        "    if 'roles' in name:\n        module._verdict = lambda *_: ('passed', '')\n"
        "def f():\n    return 'x'",
        "failed",
    ),
    "writes a verdict everywhere": Attack(
        "for end in range(32):\n    try:\n"
        '        os.write(end, b\'{"reason": "passed", "detail": ""}\\n\')\n    except OSError:\n        pass\n'
        "def f():\n    return 'x'",
        {"failed", "crashed"},
    ),
    "raises what the checker raises": Attack("def f():\n    raise AssertionError", "raised"),
    "is no Python": Attack("def f(:", "raised"),
    "defines something else": Attack("def g():\n    return 42", "raised"),
    "leaves something": Attack("def f():\n    open('/tmp/escaped', 'w').write('x')\n    return 1", {"is": 1}),
    "looks for what was left": Attack("def f():\n    return os.listdir('/tmp')", {"is": []}),
}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    try:
        usable_walls()
    except InputError as error:
        pytest.skip(str(error))
    asked = []
    for attack in ATTACKS.values():
        right = attack.expected["is"] if isinstance(attack.expected, dict) else "no answer is right"
        test = f"def check(candidate):\n    found = candidate()\n    assert found == {right!r}, found\n"
        asked.append(Trial(IMPORTS + attack.program, "f", test))
    return dict(zip(ATTACKS, check_all(asked, TIGHT, workers=4), strict=True))


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_contained(name: str, outcomes: dict[str, Outcome]) -> None:
    expected = ATTACKS[name].expected
    reasons = {"passed"} if isinstance(expected, dict) else expected if isinstance(expected, set) else {expected}
    assert outcomes[name].reason in reasons, outcomes[name]


def test_nothing_of_it_is_left_on_this_machine(outcomes: dict[str, Outcome]) -> None:
    assert not any(
        Path(path).exists()
        for path in ("/tmp/escaped", "/tmp/escaped-link", "/dev/shm/escaped", "/usr/lib/escaped", "/escaped")
    )


def test_a_machine_without_walls_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class None_(trials.Walls):
        title = "none"

        def lacking(self) -> str:
            return "not here"

    monkeypatch.setattr(trials, "KINDS", [None_()])
    usable_walls.cache_clear()
    try:
        with pytest.raises(InputError, match=r"none: not here.*install bubblewrap"):
            list(check_all([Trial("def f(): return 1", "f", "def check(c): assert c() == 1")]))
    finally:
        usable_walls.cache_clear()
