"""The command-line door: `manage.py chimera run|kinds|show|delete|collect|token`.

With `--json` the last line of standard output is one JSON object. Exit code 0: success; 1: the job did not succeed;
2: the input is wrong (the same problems as at the other doors).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandParser
from django.http import Http404

from chimera.errors import InputError, Problem
from chimera.jobs import deletion, selectors, services
from chimera.jobs.describe import describe_artefact, describe_job, describe_kind
from chimera.jobs.kinds import all_kinds, resolve
from chimera.jobs.models import Job, State
from chimera.jobs.validation import as_json
from chimera.jobs.verbs import Verb, all_verbs
from chimera.projects.access import Actor, actor_for
from chimera.projects.models import Project
from chimera.projects.selectors import first_owner
from chimera.projects.services import create_token

POLL_SECONDS = 0.3
WARN_EVERY_SECONDS = 30.0
SUCCESS, FAILURE, WRONG_INPUT = 0, 1, 2


class Command(BaseCommand):
    help = "Run jobs, list their kinds, show artefacts, make API tokens."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        added = all_verbs()
        names = "|".join(["run", "kinds", "show", "delete", "collect", "token", *(verb.name for verb in added)])
        verbs = parser.add_subparsers(dest="verb", required=True, metavar=names)
        whose = CommandParser(add_help=False)
        whose.add_argument("--project", default="", help="slug; not needed while there is only one project")
        whose.add_argument("--user", default="", help="who acts; default: the project's first owner")
        shape = CommandParser(add_help=False)
        shape.add_argument("--json", action="store_true", help="one JSON object as the last line")
        run = verbs.add_parser("run", parents=[whose, shape], help="start a job")
        run.add_argument("kind", help="see `chimera kinds`")
        run.add_argument("--config", required=True, help="a JSON file, - for standard input")
        run.add_argument("--wait", action="store_true", help="wait until the job has ended")
        run.add_argument("--key", default="", help="idempotency key: the same key gives the same job")
        run.add_argument("--priority", type=int, default=0, help="higher runs earlier")
        verbs.add_parser("kinds", parents=[shape], help="list the kinds of jobs with the schemas of their configs")
        show = verbs.add_parser("show", parents=[whose, shape], help="print a job or an artefact")
        show.add_argument("id", help="job-12, dataset-3; for run-4 and study-1 the job that made them")
        delete = verbs.add_parser("delete", parents=[whose, shape], help="delete an artefact; its manifest stays")
        delete.add_argument("id", help="dataset-3")
        verbs.add_parser(
            "collect", parents=[shape], help="remove files of deleted artefacts that nothing needs any more"
        )
        token = verbs.add_parser("token", parents=[whose, shape], help="make a bearer token for the REST API")
        token.add_argument("--name", default="command line", help="what it is for")
        for verb in added:
            resolve(verb.arguments)(verbs.add_parser(verb.name, parents=[whose, shape], help=verb.help))

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            own = {added.name: added for added in all_verbs()}.get(verb)
            code = self._added(own, options) if own else getattr(self, f"_{verb}")(**options)
        except InputError as error:
            code = self._refuse(error.problems, options["json"])
        except (PermissionDenied, Http404) as error:
            code = self._refuse([Problem(str(error))], options["json"])
        if code:
            sys.exit(code)

    def _run(self, kind: str, config: str, wait: bool, key: str, priority: int, **options: Any) -> int:
        actor = find_actor(options["project"], options["user"])
        job, created = services.start(actor, kind, read_config(config), key=key, priority=priority)
        self._tell(f"{job.uid} {'created' if created else 'exists already'}: {job.kind} {job.name}")
        if wait:
            self._wait(job)
        ended_badly = wait and job.state != State.SUCCEEDED
        self._result(job, options["json"])
        return FAILURE if ended_badly else SUCCESS

    def _wait(self, job: Job) -> None:
        """Until the job has ended; says so when nobody is there to run it."""
        warned = -WARN_EVERY_SECONDS
        shown = ""
        while not job.finished and job.state != State.PAUSED:
            if job.state == State.QUEUED and time.monotonic() - warned >= WARN_EVERY_SECONDS:
                warned = time.monotonic()
                self._warn_if_unserved(job)
            time.sleep(POLL_SECONDS)
            job.refresh_from_db()
            line = progress_line(job)
            if line != shown:
                shown = line
                self._tell(line)

    def _warn_if_unserved(self, job: Job) -> None:
        if not selectors.queue_is_served(job.queue):
            self._tell(f"no live worker takes jobs from the queue {job.queue!r}: {job.uid} waits until one starts")

    def _result(self, job: Job, as_one_line: bool) -> None:
        described = describe_job(job).model_dump(mode="json")
        names = ("status", "job", "artifacts", "summary", "problems", "error")
        if as_one_line:
            self.stdout.write(json.dumps({name: described[name] for name in names}, ensure_ascii=False))
            return
        self.stdout.write(f"{job.uid} {job.state}")
        for name, uid in job.artifacts.items():
            self.stdout.write(f"  {name}: {uid}")
        for problem in job.problems:
            self.stdout.write(f"  {Problem(**problem)}")
        if job.error_text and not job.problems:
            self.stdout.write(f"  {job.error_text.strip().splitlines()[-1]}")

    def _kinds(self, **options: Any) -> int:
        kinds = [describe_kind(kind).model_dump(mode="json") for kind in all_kinds()]
        if options["json"]:
            self.stdout.write(json.dumps({"kinds": kinds}, ensure_ascii=False))
        else:
            for kind in kinds:
                self.stdout.write(f"{kind['kind']:<10} {kind['summary']}")
        return SUCCESS

    def _show(self, id: str, **options: Any) -> int:
        actor = find_actor(options["project"], options["user"])
        number = id.removeprefix("job-")
        if id.startswith("job-") and number.isdecimal() and len(number) < 19:
            shown: Any = describe_job(selectors.job_get(actor, int(number)))
        elif maker := selectors.maker_of(actor, id):
            shown = describe_job(maker)
        else:
            shown = describe_artefact(selectors.artefact_get(actor, id))
        self.stdout.write(shown.model_dump_json(indent=None if options["json"] else 1))
        return SUCCESS

    def _delete(self, id: str, **options: Any) -> int:
        actor = find_actor(options["project"], options["user"])
        row = deletion.delete(actor, selectors.artefact_get(actor, id))
        self._tell(f"{row.uid} ({row}) is deleted; its manifest stays")
        if options["json"]:
            self.stdout.write(describe_artefact(row).model_dump_json())
        return SUCCESS

    def _collect(self, **options: Any) -> int:
        removed = deletion.collect()
        for kind, digest in removed:
            self._tell(f"removed the files of {kind} {digest[:12]}")
        if options["json"]:
            self.stdout.write(json.dumps({"removed": [f"{kind}/{digest}" for kind, digest in removed]}))
        return SUCCESS

    def _token(self, name: str, **options: Any) -> int:
        row, text = create_token(find_actor(options["project"], options["user"]), name)
        if options["json"]:
            self.stdout.write(json.dumps({"token": text, "name": row.name, "project": row.project.slug}))
        else:
            self._tell(f"acts as {row.user} in {row.project.slug}; shown only this once:")
            self.stdout.write(text)
        return SUCCESS

    def _added(self, verb: Verb, options: dict[str, Any]) -> int:
        said = resolve(verb.run)(find_actor(options["project"], options["user"]), options)
        self.stdout.write(said if isinstance(said, str) else json.dumps(said, ensure_ascii=False), ending="")
        return SUCCESS

    def _refuse(self, problems: list[Problem], as_one_line: bool) -> int:
        for problem in problems:
            self._tell(str(problem))
        if as_one_line:
            self.stdout.write(json.dumps({"status": "invalid", "problems": as_json(problems)}, ensure_ascii=False))
        return WRONG_INPUT

    def _tell(self, line: str) -> None:
        self.stderr.write(line, self.style.NOTICE)


def progress_line(job: Job) -> str:
    """One line for people: state, progress, message."""
    progress = f" {job.done}/{job.total} {job.unit}" if job.total is not None else ""
    return f"{job.uid} {job.state}{progress} {job.message}".rstrip()


def read_config(path: str) -> Any:
    """The JSON value of a file (`-`: standard input).

    Raises:
        InputError: the file cannot be read or holds no JSON; names file and line.
    """
    name = "standard input" if path == "-" else path
    try:
        return json.loads(sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError(Problem(f"is not JSON: {error.msg}", file=name, line=error.lineno)) from error
    except UnicodeDecodeError as error:
        raise InputError(Problem(f"is not UTF-8 at byte {error.start}", file=name)) from error
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", file=name)) from error


def find_actor(slug: str, username: str) -> Actor:
    """Who acts where; the only project and its first owner if nothing is said.

    Raises:
        InputError: no such project or user, or the user is no member.
    """
    projects = Project.objects.filter(slug=slug) if slug else Project.objects.all()
    found = list(projects[:2])
    if len(found) != 1:
        known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none yet"
        message = f"there is no project {slug!r}" if slug else "say which project"
        raise InputError(Problem(message, field="--project", hint=f"projects: {known}"))
    user = User.objects.filter(username=username).first() if username else first_owner(found[0])
    actor = None if user is None else actor_for(user, found[0])
    if actor is None:
        who = repr(username) if username else "nobody"
        raise InputError(Problem(f"{who} is no member of project {found[0].slug}", field="--user"))
    return actor
