import type { Driver } from '../../src/model/driver.ts'
import type { FrontendKey, Owner } from '../../src/model/table.ts'

/** What a test may set about a driver; the harness knows the rest. */
export interface DriverSettings {
  readonly owner: Owner
  /** Whether the driver may find out by dialling who has a port. */
  readonly probe: boolean
}

/** A running proxy of one kind, for one test. */
export interface Harness {
  /** A driver for the proxy, closed when the harness is. */
  driver(settings?: Partial<DriverSettings>): Driver
  /** The same for a proxy on which addresses are bound elsewhere from now on: published → bound, or `*` for all. */
  driverBound(listen: Readonly<Record<string, string>>): Promise<Driver>
  /** How many writes the proxy has been sent, by anybody. */
  writes(): Promise<number>
  /** Ends the proxy as a power cut would, and starts it again with what it kept. */
  kill(): Promise<void>
  restart(): Promise<void>
  /** Puts something of somebody else's beside ours: a listener that leads to a target. */
  addForeign(from: Endpoint, to: Endpoint): Promise<void>
  /** All that is not ours, as the proxy gives it, byte for byte. */
  foreignText(): Promise<string>
  /** Changes where a frontend of ours leads, by hand. */
  edit(key: FrontendKey, to: Endpoint): Promise<void>
  /** Makes the proxy reject every configuration, for a reason that has nothing to do with ours, until the returned function is called. */
  rejectAll(): Promise<() => Promise<void>>
  /** Sockets that the proxy's processes hold open for clients, and those that its configuration has: `tcp 127.0.0.1:80`, sorted, duplicates kept. */
  openSockets(): Promise<readonly string[]>
  configuredSockets(): Promise<readonly string[]>
  close(): Promise<void>
}

export interface Endpoint {
  readonly address: string
  readonly port: number
}

export interface HarnessKind {
  readonly name: string
  start(): Promise<Harness>
  /** Why none of the tests can run here. */
  readonly skip?: string | undefined
  /** Tests of the suite that this kind cannot pass: name → reason. */
  readonly skips?: Readonly<Record<string, string>>
}
