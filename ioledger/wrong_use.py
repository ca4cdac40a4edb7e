"""Says in one sentence what is wrong with the words of a command line: what was received, what is valid, what to do."""

from __future__ import annotations

import click

from ioledger.errors import did_you_mean, one_of


def sentence(error: click.ClickException) -> str:
    """Return the sentence for an error that click found in the words of a command."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.BadOptionUsage):
        return f"the option {error.option_name} needs a value after it; see --help"
    if context is None:
        return _clause(error.format_message())
    told = _told(error, context)
    return f"{told}; see `{context.command_path} --help`"


def _told(error: click.ClickException, context: click.Context) -> str:
    match error:
        case click.NoSuchCommand() if isinstance(context.command, click.Group):
            return _unknown_command(error.command_name, context, context.command)
        case click.NoSuchOption():
            return _unknown_option(error.option_name, context)
        case click.MissingParameter(param=click.Parameter() as parameter):
            return _missing(parameter, context)
        case click.BadParameter(param=click.Parameter() as parameter):
            return f"{_name(parameter)}: {_bad_value(error.message, parameter)}"
    told = _clause(error.format_message())
    hint = "; a value with spaces stands in quotes" if "unexpected extra argument" in told else ""
    return f"`{context.command_path}`: {told}{hint}"


def _bad_value(message: str, parameter: click.Parameter) -> str:
    received = message.partition(" is not ")[0].strip("'")
    match wanted := parameter.type:
        case click.Choice():
            valid = list(map(str, wanted.choices))
            return f"received {received!r}{did_you_mean(received, valid)}; valid are {one_of(valid)}"
        case click.IntRange(min=int(), max=int()):
            return f"received {received!r}; valid are whole numbers from {wanted.min} to {wanted.max}"
    return _clause(message)


def _unknown_command(name: str, context: click.Context, group: click.Group) -> str:
    known = group.list_commands(context)
    of_group = "" if context.parent is None else f" of `{context.command_path}`"
    return f"there is no command {name!r}{did_you_mean(name, known)}; commands{of_group} are {one_of(known)}"


def _unknown_option(name: str, context: click.Context) -> str:
    valid = _options(context)
    root = context.find_root()
    if context is not root and name in _options(root):
        rest = context.command_path.removeprefix(f"{root.command_path} ")
        return f"{name} stands before the command, as in `{root.command_path} {name} ... {rest}`"
    after = "; options of a command stand after its name" if context is root else ""
    return (
        f"`{context.command_path}` has no option {name!r}{did_you_mean(name, valid)}; its options are {one_of(valid)}"
        f"{after}"
    )


def _missing(parameter: click.Parameter, context: click.Context) -> str:
    valid = f", one of {one_of(map(str, parameter.type.choices))}" if isinstance(parameter.type, click.Choice) else ""
    what = (
        f": {_clause(parameter.help.partition(' [')[0])}"
        if isinstance(parameter, click.Option) and parameter.help
        else ""
    )
    metavar = "" if isinstance(parameter, click.Argument) or valid else f" {parameter.make_metavar(context)}"
    return f"`{context.command_path}` needs {_name(parameter)}{metavar}{valid or what}"


def _name(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return parameter.metavar or parameter.name.upper()
    return max(parameter.opts, key=len)


def _options(context: click.Context) -> list[str]:
    parameters = context.command.get_params(context)
    return sorted({max(each.opts, key=len) for each in parameters if isinstance(each, click.Option)})


def _clause(text: str) -> str:
    """Make a sentence of click's part of one of ours."""
    text = text.rstrip(".")
    return text[:1].lower() + text[1:]
