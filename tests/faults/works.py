"""Every subject of the suite, by name."""

from tests.faults import work_files as files
from tests.faults import work_store as store
from tests.faults.subject import Subject, nothing

SUBJECTS = (
    Subject("import of observations", files.prepare_import, files.import_observations,
            files.state_of_observations, nothing),
    Subject("import of weather", files.prepare_weather, files.import_weather,
            files.state_of_weather, nothing),
    Subject("import of the register", files.prepare_register, files.import_register,
            files.state_of_register, nothing),
    Subject("daily run", store.prepare_daily, store.run_daily, store.state_of_daily,
            store.half_daily),
    Subject("signing", store.prepare_people, store.sign, store.state_of_store, store.half_store),
    Subject("publishing", store.prepare_people, store.publish, store.state_of_publishing,
            store.half_store),
    Subject("meter readings", store.prepare_store, store.receive_readings,
            store.state_of_readings, store.half_store),
    Subject("migration", store.prepare_migration, store.migrated, store.state_of_migration,
            nothing),
    Subject("promotion", files.prepare_promotion, files.promote, files.state_of_promotion,
            files.half_promotion),
    Subject("roll-back", files.prepare_promotion, files.roll_back, files.state_of_promotion,
            files.half_promotion),
)  # fmt: skip
BY_NAME = {s.name: s for s in SUBJECTS}
