"""The command line: parse, build the config, call, print. One file per command, loaded when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

_TRAIN = """Train all models on a folder of bars and decide.

Exit code 0: done; NO_EVIDENCE and TOO_LITTLE_DATA are results, not errors. 1: some symbols or models failed. \
2: usage or settings. 3: data. 4: no DEPLOY, with --require-deploy only. 130: interrupted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code.

    0 ok, 1 some symbols or models failed, 2 usage or configuration, 3 data, 4 nothing passed the gate (only with
    --require-deploy), 130 interrupted.
    """
    from cyclopts import App, CycloptsError, Parameter

    import smctrain
    from smctrain.exceptions import ConfigError, InputError, SmctrainError

    app = App(
        name="smctrain",
        help="Trains models on market bars and tells the truth about them.",
        version=smctrain.__version__,
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # it would end the process instead of returning 130
        default_parameter=Parameter(negative=()),
    )
    app.command(
        "smctrain.cli.demo:demo",
        name="demo",
        help="Simulated market with known truth: the whole job in a minute.",
    )
    app.command("smctrain.cli.train:train", name="train", help=_TRAIN)
    app.command("smctrain.cli.check:check", name="check", help="What is wrong with bar files: where, how many.")
    app.command(
        "smctrain.cli.features:features",
        name="features",
        help="Catalogue of the feature columns; --audit tests them for leaks.",
    )
    app.command("smctrain.cli.predict:predict", name="predict", help="Predict new bars with a run's model.")
    app.command("smctrain.cli.report:report", name="report", help="Rebuild the reports of a run from its results.")
    app.command("smctrain.cli.models:models", name="models", help="Model families and what they need.")
    app.command("smctrain.cli.version:version", name="version", help="Versions of smctrain and what it stands on.")
    config = App(name="config", help="The settings tree.")
    config.command("smctrain.cli.config:show", name="show", help="Print all settings, with origins on request.")
    app.command(config)
    try:
        code = app(list(sys.argv[1:] if arguments is None else arguments), exit_on_error=False, print_error=True)
    except CycloptsError:
        return 2
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except InputError as error:
        print(error, file=sys.stderr)
        return 3
    except SmctrainError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `smctrain ... | head`; Python would complain again when it flushes at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk or a folder that cannot be written; the message names the path
        print(error, file=sys.stderr)
        return 1
    return code if isinstance(code, int) else 0
