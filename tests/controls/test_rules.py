"""The rules of faults and the verdict on messages, without a server."""

from random import Random

import pytest

from threadline.controls.calls import Acknowledged, Calls, SentMessage, judge, text
from threadline.controls.faults import Event, FaultKind, Faults, Rule


def event(participant: str = "p", name: str = "SendMessage", contact: str = "c", token: str = "") -> Event:
    return Event(name, participant, frozenset({contact}), token)


def choices(rule: Rule, events: list[Event]) -> list[bool]:
    faults = Faults()
    faults.set(rule)
    return [faults.choose(each) is not None for each in events]


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_rule_fires_about_as_often_as_it_should(probability: float) -> None:
    fired = sum(choices(Rule("f", "", "X", probability=probability, seed=3), [event()] * 4_000))
    assert abs(fired / 4_000 - probability) < 0.03


def test_a_participants_faults_do_not_depend_on_what_others_do() -> None:
    rule = Rule("f", "SendMessage", "X", probability=0.5, seed=11)
    turns = [event("a")] * 50 + [event("b")] * 50
    of_each: dict[str, list[bool]] = {}
    for order in (turns, Random(1).sample(turns[1:], 99)):
        events = [event("a"), event("b"), *(each for each in order if each is not turns[0])][:102]
        fired = choices(rule, events)
        for who in "ab":
            mine = [hit for each, hit in zip(events, fired, strict=True) if each.participant_id == who][:49]
            assert of_each.setdefault(who, mine) == mine


def test_other_seeds_choose_otherwise() -> None:
    seen = {
        tuple(choices(Rule("f", "", "X", probability=0.5, seed=seed), [event()] * 40)) for seed in range(50)
    }
    assert len(seen) == 50


def test_the_first_rule_that_fits_fires_until_it_is_used_up() -> None:
    faults = Faults()
    faults.set(Rule("once", "SendMessage", "X", times=1))
    faults.set(Rule("ever", "", "Y"))
    chosen = [rule.id for _ in range(3) if (rule := faults.choose(event()))]
    assert chosen == ["once", "ever", "ever"]
    assert [(rule.id, fired) for rule, fired in faults.all()] == [("once", 1), ("ever", 2)]
    assert faults.clear("ever")
    assert not faults.clear("ever")
    assert faults.choose(event()) is None


def test_a_rule_for_all_operations_spares_what_is_none() -> None:
    events = [event(name=name) for name in ("SendMessage", "WebSocket", "Frame", "Queue", "Lambda", "Lex")]
    assert choices(Rule("f", "", "X"), events) == [True, False, False, False, False, False]


def test_a_rule_for_a_participant_or_a_chat_spares_others() -> None:
    events = [event("a", contact="c"), event("a", contact="d"), event("b", contact="c")]
    assert choices(Rule("f", "", "X", participant_id="a"), events) == [True, True, False]
    assert choices(Rule("f", "", "X", contact_id="c"), events) == [True, False, True]


def test_times_counts_tokens_that_expire() -> None:
    events = [event(token=token) for token in ("one", "one", "two", "one", "")]
    rule = Rule("f", "", FaultKind.TOKEN_EXPIRED, times=1)
    assert choices(rule, events) == [True, True, False, True, False]


def message(id: str, content: str, participant: str = "p") -> SentMessage:
    return SentMessage(1, participant, id, content)


def test_the_verdict_names_what_is_lost_and_what_is_there_too_often() -> None:
    told = [message("1", "yes"), message("2", "yes"), message("3", "gone")]
    found = [message("1", "yes"), message("2", "yes"), message("9", "yes"), message("8", "untold")]
    sent = Acknowledged(0, {"p"}, {message.id: message for message in told})
    verdict = judge({1: sent}, {1: found})
    assert (verdict.acknowledged, verdict.lost, verdict.doubled) == (3, [told[2]], [found[2]])
    untold = Acknowledged(0, {"p"}, {})
    assert judge({1: untold}, {1: found[:1]}).doubled == []
    assert judge({1: untold}, {1: found[:2]}).doubled == [found[1]]
    assert judge({1: untold}, {1: [message("1", "yes", "q"), message("2", "yes", "q")]}).doubled == []


def test_what_differs_from_run_to_run_is_not_kept() -> None:
    calls = Calls()
    shown = [
        calls.shown({"ClientToken": token, "ConnectionCredentials": {"ConnectionToken": token, "Expiry": 5}})
        for token in ("x", "y", "x")
    ]
    assert [each["ClientToken"] for each in shown] == ["client-token-1", "client-token-2", "client-token-1"]
    assert shown[0]["ConnectionCredentials"] == {"ConnectionToken": "(not shown)", "Expiry": 5}


def test_a_request_of_many_levels_is_kept_in_part() -> None:
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"a": [deep]}
    assert text(Calls().shown(deep)).count('"a"') < 30
