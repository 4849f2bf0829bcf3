import threading
import time

from indexer.workers.turns import Turns


def test_who_works_alone_waits_for_the_others_and_they_for_it() -> None:
    turns = Turns()
    busy, most_beside, lock = [0], [0], threading.Lock()
    alone_beside: list[int] = []

    def work(alone: bool) -> None:
        for _ in range(30):
            with turns.turn(alone=alone):
                with lock:
                    busy[0] += 1
                    beside = busy[0] - 1
                    most_beside[0] = max(most_beside[0], beside)
                    if alone:
                        alone_beside.append(beside)
                time.sleep(0.0005)
                with lock:
                    busy[0] -= 1

    threads = [threading.Thread(target=work, args=(n == 0 or n == 1,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert alone_beside == [0] * 60
    assert most_beside[0] > 0


def test_nobody_waits_once_it_is_over() -> None:
    turns = Turns()
    with turns.turn():
        waiting = threading.Thread(target=lambda: turns.turn(alone=True).__enter__())
        waiting.start()
        turns.end()
        waiting.join(5)
        assert not waiting.is_alive()
