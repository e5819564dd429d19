//! How many callbacks each generator has sent, hour by hour: what is usual, so that silence can be told from it.

crate::dialect::migration!(
    "CREATE TABLE hub_pulses (
        generator TEXT NOT NULL,
        hour BIGINT NOT NULL,
        callbacks BIGINT NOT NULL,
        last_at BIGINT NOT NULL,
        PRIMARY KEY (generator, hour)
    ) {clustered}

CREATE INDEX hub_pulses_hour ON hub_pulses (hour)"
);
