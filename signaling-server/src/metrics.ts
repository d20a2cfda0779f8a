import { Counter, Gauge, Registry } from 'prom-client'
import type { RegistryStore } from './registry/store.ts'

/** What the server counts; numbers only, no ids and no addresses. */
export class Metrics {
  readonly registry = new Registry()
  readonly events = new Counter({
    name: 'roomful_events_total',
    help: 'Signalling events by kind and outcome (ok, or the reason of the refusal)',
    labelNames: ['event', 'outcome'],
    registers: [this.registry],
  })
  readonly sealedBytes = new Counter({
    name: 'roomful_sealed_characters_total',
    help: 'Characters of sealed signalling messages passed on',
    registers: [this.registry],
  })
  readonly left = new Counter({
    name: 'roomful_devices_left_total',
    help: 'Devices that left a room, by reason',
    labelNames: ['reason'],
    registers: [this.registry],
  })
  readonly connections = new Gauge({
    name: 'roomful_connections',
    help: 'Open socket.io connections',
    registers: [this.registry],
  })

  constructor(store: RegistryStore) {
    const registers = [this.registry]
    new Gauge({
      name: 'roomful_rooms',
      help: 'Rooms with at least one device',
      registers,
      async collect() {
        this.set((await store.count()).rooms)
      },
    })
    new Gauge({
      name: 'roomful_devices',
      help: 'Devices in all rooms',
      registers,
      async collect() {
        this.set((await store.count()).devices)
      },
    })
  }
}
