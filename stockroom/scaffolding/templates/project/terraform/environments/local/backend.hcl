# The bucket is in the emulator: the state is born and dies with the world that it describes.
bucket       = "{{ project }}-local-state-000000000000"
region       = "us-east-1"
encrypt      = true
use_lockfile = true
