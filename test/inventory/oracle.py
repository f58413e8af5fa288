"""What the installed ansible-core makes of many inventories, asked in one process.

Reads a JSON array of questions from stdin and prints the array of answers. A question has
  sources    the -i arguments
  folder     the working directory (group_vars beside a playbook are looked for there)
  password   a vault password file, or nothing
  patterns   host patterns
An answer has
  list       what `ansible-inventory --list` prints
  warnings   what it warns about, with the folder's path taken out
  patterns   for each pattern the hosts of `ansible PATTERN --list-hosts`, and what is said about it
Each question runs in a child of its own: Ansible keeps its options and the files it has read for the whole process.
"""
import json
import multiprocessing
import os
import sys

from ansible import context
from ansible.cli.inventory import InventoryCLI
from ansible.utils.display import Display

said = []


def note(self, message, *_args, **_kwargs):
    said.append(str(message))


Display.warning = note
Display.deprecated = lambda *_args, **_kwargs: None


def answer(question):
    os.chdir(question["folder"])
    arguments = ["ansible-inventory", "--list"]
    for source in question["sources"]:
        arguments += ["-i", source]
    if question.get("password"):
        arguments += ["--vault-password-file", question["password"]]
    cli = InventoryCLI(arguments)
    cli.parse()
    cli.loader, cli.inventory, cli.vm = cli._play_prereqs()
    try:
        listed = json.loads(cli.dump(cli.json_inventory(cli._get_group("all"))))
    except Exception as error:  # a value that Ansible itself cannot print
        listed = None
        said.append(f"{type(error).__name__}: {error}")
    localhost = cli.inventory._inventory.localhost
    folder = os.path.realpath(question["folder"]) + "/"
    warnings = [message.strip().replace(folder, "") for message in said]
    return {
        "list": listed,
        "warnings": warnings,
        "patterns": [selected(cli.inventory, localhost, pattern) for pattern in question["patterns"]],
    }


def selected(inventory, localhost, pattern):
    # As in a new process: an implicit localhost, once made, and answers to earlier patterns would be found again.
    inventory._inventory.localhost = localhost
    inventory.clear_caches()
    said.clear()
    try:
        hosts = [str(host) for host in inventory.list_hosts(pattern)]
    except Exception as error:  # some patterns are more than it can take
        hosts = []
        said.append(f"{type(error).__name__}: {error}")
    return {"hosts": hosts, "said": list(said)}


if __name__ == "__main__":
    questions = json.load(sys.stdin)
    with multiprocessing.get_context("fork").Pool(2, maxtasksperchild=1) as pool:
        json.dump(pool.map(answer, questions, chunksize=1), sys.stdout)
