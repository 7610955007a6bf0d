"""Words and stack traces, made so that two tellings of one problem share them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.domain.memory.normalise import MAX_TRACE, distinct, errors_in, scrub, terms, trace_of

PYTHON = """Traceback (most recent call last):
  File "/srv/app/shop/orders.py", line 12, in total
    return tax(self)
  File "/srv/app/shop/tax.py", line 3, in Rates.find
KeyError: 'DE'
"""
JAVA = """java.io.IOException: no route
\tat org.apache.hadoop.ipc.Client$Connection$1.setup(Client.java:770)
\tat org.apache.hadoop.ipc.Client.call(Client.java:1457)
Caused by: java.net.ConnectException: refused
"""


@pytest.mark.parametrize(
    "chance",
    [
        "2026-11-22T09:30:00.123Z",
        "2026-11-22 09:30:00,123",
        "09:30:01",
        "5f0c9a2e-1d2b-4c3d-8e4f-0123456789ab",
        "0xdeadbeef",
        "4f5e6d7c8b9a",
        "10.0.0.7",
        "8.8.8.8:5432",
        "1234567",
    ],
)
def test_what_differs_by_chance_is_left_out(chance):
    assert terms(f"failed {chance} again") == ("failed", "again")


def test_a_path_leaves_its_last_folder_and_its_file():
    assert terms("open /home/ann/src/shop/orders.py") == ("open", "shop", "orders", "py")
    assert terms(r"C:\Users\bob\shop\tax.py") == ("shop", "tax", "py")
    assert scrub("see shop/orders.py") == "see shop/orders.py"


def test_a_name_is_kept_whole_and_split_beside():
    assert terms("getFileStatus") == ("getfilestatus", "get", "file", "status")
    assert terms("max_retryCount") == ("max_retrycount", "max", "retry", "count")
    assert terms("HTTPServer") == ("httpserver", "http", "server")


def test_small_numbers_and_versions_stay_and_small_words_go():
    assert terms("a 404 of jackson 2.9.10.3 is the error") == (
        *("404", "jackson", "2_9_10_3", "error"),
    )


def test_case_and_accents_count_for_nothing():
    assert terms("Défaillance RÉSEAU") == terms("defaillance reseau")


@given(st.text(max_size=300))
def test_a_term_is_one_word_of_a_full_text_index(text):
    for term in terms(text):
        assert term
        assert " " not in term
        assert '"' not in term
        assert "'" not in term


def test_frames_lose_their_places_and_the_innermost_comes_first():
    assert trace_of(PYTHON) == ("tax.Rates.find", "orders.total")
    assert trace_of(JAVA) == ("Client.Connection.setup", "ipc.Client.call")
    assert trace_of("at async Cart.add (/srv/cart.js:1:2)") == ("Cart.add",)
    assert trace_of("main.(*Server).Serve(0xc000)") == ("main.Server.Serve",)
    assert trace_of(PYTHON.replace("12", "99")) == trace_of(PYTHON)
    assert trace_of("no trace at all") == ()


def test_a_long_trace_is_cut():
    deep = "\n".join(f"  at pkg.Class.method{n}(File.java:{n})" for n in range(90))
    assert len(trace_of(deep)) == MAX_TRACE


def test_the_last_error_of_a_chain_comes_first():
    assert errors_in(JAVA) == ("ConnectException", "IOException")
    assert errors_in("all is well") == ()


def test_equal_values_count_once():
    assert distinct(["b", "a", "b", "c"], 2) == ("b", "a")


@pytest.mark.parametrize(
    "evil", ["/a", "a.", "A", "1-", "0", "\\x", " at a.b", "aB", "_", "\n", "\n at a"]
)
def test_no_text_takes_long_to_read(evil):
    text = evil * 60_000
    started = time.process_time()
    terms(text)
    trace_of(text)
    errors_in(text)
    assert time.process_time() - started < 2
