"""Anonymous tokens on a device: asked for after a turn, spent once, with their report, in its transaction."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from choral.device import Budget, Unreachable
from choral.device.outbox import OUTBOX
from choral.device.tokens import STOCK, TOKENS, issuer_of
from choral.errors import PeerError
from choral.numerics import SystemEntropy
from choral.protocol import encode, sign
from choral.protocol.tokens import MOST_TOGETHER, REQUEST, Issuer, Token, TokenKey, issue

from .setting import NOW, OPERATOR, READY, Desk, agreed, dump, task, typed

KEY = generate_private_key(65_537, 2048)
ISSUER = Issuer("issuer.example", TokenKey(KEY.public_key()))
PUBLIC = ISSUER.release(NOW)
DAY = timedelta(days=1)


class Office:
    """An issuer within the process, that can fail in every way a real one can."""

    def __init__(self):
        self.asked, self.down, self.spoil, self.most = [], None, False, 16

    def ask(self, requests):
        if self.down is not None:
            raise self.down
        parts = [requests[at : at + REQUEST.size] for at in range(0, len(requests), REQUEST.size)]
        if len(parts) > self.most:
            raise PeerError("allowance-used", f"{self.most} tokens a day")
        self.asked += parts
        answers = b"".join(issue(KEY, part, SystemEntropy()) for part in parts)
        return bytes(len(answers)) if self.spoil else answers


class TokenDesk(Desk):
    """A server that keeps the tokens that came with the reports."""

    def __init__(self, *tasks):
        super().__init__(*tasks)
        self.tokens = []
        self.bundles[f"{PUBLIC.hash.hex()}.bin"] = encode(sign(PUBLIC, OPERATOR))

    def send(self, report, token=b""):
        super().send(report, token)
        self.tokens.append(token)


def with_tokens(**changes):
    return task(issuer=PUBLIC.hash, delay_seconds=0, **changes)


def live(device, office, days=1):
    device.issuer = office
    for day in range(days):
        device.transport.now = NOW + day * DAY
        device.record(typed("hello"), NOW + day * DAY)
        device.tick(NOW + day * DAY, READY)
        device.tick(NOW + day * DAY + timedelta(hours=1), READY)


def test_each_report_spends_a_token_that_is_good_for_its_task():
    one = with_tokens()
    desk, office = TokenDesk(one), Office()
    live(agreed(desk), office, days=3)
    assert len(desk.received) == len(desk.tokens) == 3
    spent = [Token.from_bytes(token) for token in desk.tokens]
    for token in spent:
        token.require(ISSUER.key, ISSUER.challenge(one.hash))
    assert len({token.nonce for token in spent}) == 3


def test_without_a_token_nothing_is_spent_and_the_record_stays_for_the_next_turn():
    desk, office = TokenDesk(with_tokens()), Office()
    device = agreed(desk)
    device.issuer = office
    device.record(typed("hello"), NOW)
    steps = device.tick(NOW, READY)
    assert any("tokens" in str(step) or "token" in str(step) for step in steps if step.kind == "refused")
    assert (device.waiting(), device.ledger().accounts, desk.received) == ((), (), [])
    assert len(office.asked) == STOCK
    device.tick(NOW + timedelta(hours=1), READY)
    assert len(desk.received) == 1


def test_a_device_without_an_issuer_leaves_the_task_alone():
    desk = TokenDesk(with_tokens())
    live(agreed(desk), None, days=2)
    assert desk.received == []


@pytest.mark.parametrize(
    "down", [Unreachable("no network"), PeerError("allowance-used", "16 a day"), PeerError("not-authorized", "")]
)
def test_an_issuer_that_gives_nothing_costs_nothing(down):
    desk, office = TokenDesk(with_tokens()), Office()
    office.down = down
    device = agreed(desk)
    live(device, office)
    assert (desk.received, device.ledger().accounts) == ([], ())


def test_an_answer_that_is_no_signature_is_no_token():
    desk, office = TokenDesk(with_tokens()), Office()
    office.spoil = True
    device = agreed(desk)
    live(device, office)
    with device.store.transaction() as tx:
        assert list(TOKENS.scan(tx)) == []
    assert desk.received == []


def test_a_retry_sends_the_same_bytes_with_the_same_token():
    desk, office = TokenDesk(with_tokens()), Office()
    device = agreed(desk)
    device.issuer = office
    device.record(typed("hello"), NOW)
    device.tick(NOW, READY)
    desk.lose_answers, desk.down = True, Unreachable("the answer was lost")
    with device.store.transaction() as tx:
        assert list(OUTBOX.scan(tx)) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "fetch", Desk(*desk.tasks).fetch)
        device.tick(NOW + timedelta(hours=1), READY)
        waiting = device.waiting()
    assert len(waiting) == 1
    desk.down = None
    device.tick(NOW + timedelta(hours=5), READY)
    assert desk.received == [waiting[0].report] * len(desk.received)
    assert set(desk.tokens) == {waiting[0].token}


def test_the_issuer_is_asked_before_the_first_report_and_then_in_few_turns():
    desk, office = TokenDesk(with_tokens(reports_for_life=2 * STOCK)), Office()
    device = agreed(desk)
    device.issuer = office
    together = 0
    for day in range(STOCK + 2):
        now, before = NOW + day * DAY, (len(office.asked), len(desk.received))
        desk.now = now
        device.record(typed("hello"), now)
        device.tick(now, READY)
        asked, sent = len(office.asked) - before[0], len(desk.received) - before[1]
        together += bool(asked and sent)
        assert day or (asked, sent) == (STOCK, 0)
    assert len(desk.received) == STOCK + 1
    assert together == 1


@pytest.mark.parametrize(("a_day", "turns"), [(STOCK + 1, 1), (MOST_TOGETHER + 4, 2)])
def test_a_task_of_many_reports_a_day_gets_tokens_for_a_whole_turn(a_day, turns):
    desk, office = TokenDesk(with_tokens(reports_per_day=a_day, reports_for_life=4 * a_day)), Office()
    device = agreed(desk)
    device.issuer, device.budget = office, Budget(10**9, 10**9, 10**9)
    device.record(typed("hello"), NOW)
    for _ in range(turns):
        device.tick(NOW, READY)
    assert (len(office.asked), desk.received) == (a_day, [])
    device.tick(NOW + timedelta(hours=1), READY)
    assert len(desk.received) == a_day


def test_no_more_tokens_are_asked_for_than_the_terms_allow_reports():
    desk, office = TokenDesk(with_tokens(reports_for_life=3)), Office()
    live(agreed(desk), office, days=6)
    assert len(office.asked) == len(desk.received) == 3


def test_an_account_with_a_small_allowance_gets_what_the_next_turn_needs():
    desk, office = TokenDesk(with_tokens()), Office()
    office.most = 1
    live(agreed(desk), office, days=3)
    assert len(desk.received) == 3


def test_what_the_issuer_is_asked_names_no_task():
    one = with_tokens()
    office = Office()
    live(agreed(TokenDesk(one)), office)
    for request in office.asked:
        assert one.hash not in request
        assert PUBLIC.hash not in request


def test_public_data_that_is_not_what_the_task_names_gives_no_issuer():
    desk = TokenDesk(with_tokens())
    other = Issuer("evil.example", ISSUER.key).release(NOW)
    desk.bundles[f"{PUBLIC.hash.hex()}.bin"] = encode(sign(other, OPERATOR))
    with pytest.raises(PeerError, match="not what the task names"):
        issuer_of(desk, PUBLIC.hash)


def test_forgetting_forgets_the_tokens_and_the_export_shows_them():
    desk, office = TokenDesk(with_tokens()), Office()
    device = agreed(desk)
    device.issuer = office
    device.tick(NOW, READY)
    assert len(device.export()["tokens"]) == STOCK
    device.forget()
    assert dump(device.store)["tokens"] == []


def test_tokens_of_a_task_that_is_over_are_deleted():
    one = with_tokens(expires=int((NOW + DAY).timestamp()))
    desk, office = TokenDesk(one), Office()
    device = agreed(desk)
    device.issuer = office
    device.tick(NOW, READY)
    device.tick(NOW + 2 * DAY, READY)
    assert dump(device.store)["tokens"] == []
