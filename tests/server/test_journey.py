"""One journey through the server: publish, check out, ingest, shuffle, release, read."""

import numpy as np

from choral.learning import Count
from choral.protocol import Bundle, Release, Signed, Spec, decode, encode, open_checkout, sign, verify
from choral.storage import SqliteServerStore
from tests.server.house import OPERATOR, SERVER, TOKEN, House, make_task, posted, report


def test_reports_become_a_release_that_everyone_can_read_and_verify(tmp_path):
    house = House(SqliteServerStore(tmp_path / "store.sqlite"))
    names = Release(bytes(32), 0, "dictionary", 0, 1, (), {"names": np.frombuffer("\n".join("abcdefg").encode(), np.uint8)})
    operator = {"Authorization": f"Bearer {TOKEN}"}
    hash_ = house.ask("POST", "/v1/operator/releases", content=encode(sign(names, OPERATOR)), headers=operator).json()["hash"]
    task = make_task(algorithm=Spec.of(Count(threshold_milli=0, dictionary=bytes.fromhex(hash_))))
    assert house.ask("POST", "/v1/operator/tasks", content=posted(task), headers=operator).json() == {"hash": task.hash.hex()}
    bundle = decode(house.ask("GET", "/v1/checkouts/emoji").content, Bundle)
    found, checkout = open_checkout(bundle.items[0], {OPERATOR.public_key().public_bytes_raw()})
    assert found == task
    assert checkout.round == 0
    for number in range(100):
        assert house.ask("POST", "/v1/reports", content=report(task, number)).status_code == 204
    assert house.ask("GET", "/v1/tasks").json()[0]["reports"] == 100
    assert house.shuffle().state == "shuffled"
    release = house.release()
    listed = house.ask("GET", "/v1/releases").json()
    assert [one["reports"] for one in listed] == [100, 0]
    binary = house.ask("GET", f"/v1/releases/{listed[0]['hash']}.bin").content
    assert verify(decode(binary, Signed), Release, SERVER.public_key().public_bytes_raw()).hash == release.hash
    view = house.ask("GET", f"/v1/releases/{release.hash.hex()}").json()
    assert view["items"][0]["name"] in set("abcdefg") | {""}
    assert [guarantee["trust"] for guarantee in view["guarantees"]] == ["nobody", "shuffler"]
    assert house.ask("GET", f"/v1/releases/{release.hash.hex()}.csv").text.startswith("rank,item,name,estimate")
    full = decode(house.ask("GET", f"/v1/operator/releases/{release.hash.hex()}", headers=operator).content, Release)
    assert full.kind == "unpublished"
    assert len(full.arrays["estimate"]) == 50
