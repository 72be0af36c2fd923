from img2mesh.service.pace import STAGES, Pace, Track


def test_share_grows_with_the_stages_and_stays_below_one():
    track = Pace().track("standard", 1)
    shares = []
    for stage in STAGES:
        for done in (0, 5, 10):
            track.at(stage, done, 10)
            shares.append(track.share)
    assert shares == sorted(shares) and shares[-1] == 0.99
    assert track.left == 0.0


def test_a_stage_that_comes_again_takes_nothing_back():
    track = Track(dict.fromkeys(STAGES, 1.0))
    track.at("views", 1, 2)
    share = track.share
    track.at("segment")
    track.at("download", 1, 2)
    assert track.share == share


def test_what_a_job_took_is_what_the_next_is_expected_to_take():
    pace = Pace()
    assert pace.expected("high", 1)["views"] > pace.expected("draft", 1)["views"]
    pace.learn("draft", 1, {"views": 90.0, "fit field": 10.0})
    track = pace.track("draft", 1)
    track.at("views", 1, 2)
    known = pace.expected("draft", 1)
    assert abs(track.share - (45.0 + known["load model"]) / (100.0 + known["load model"])) < 0.01
    assert pace.expected("draft", 2)["place photos"] > 0 and pace.expected("standard", 1)["place photos"] == 0


def test_a_model_that_is_loaded_already_makes_the_rest_no_quicker(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("img2mesh.service.pace.time.monotonic", lambda: now[0])
    track = Track({**dict.fromkeys(STAGES, 10.0), "load model": 60.0})
    track.at("segment", 0, 1)
    assert track.left == 10.0 * (len(STAGES) - 1)
    now[0] = 30.0
    track.at("place photos", 0, 1)
    assert track.left == 3 * 10.0 * (len(STAGES) - 2)
