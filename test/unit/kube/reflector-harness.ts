import { createKubeClient, type KubeClient } from '../../../src/kube/client.ts'
import { createComeback } from '../../../src/kube/comeback.ts'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { Reflector } from '../../../src/kube/reflector.ts'
import { SERVICES } from '../../../src/kube/resources.ts'
import type { StoreChange } from '../../../src/kube/store.ts'
import { FakeApiServer, type FakeRequest } from '../../support/fake-api-server.ts'
import type { FakeObject } from '../../support/fake-api-store.ts'
import { eventually, FakeClock, recordingLog } from './fake-clock.ts'

export const PATH = SERVICES.path

export function service(name: string, port = 80): FakeObject {
  return { metadata: { name, namespace: 'ns' }, spec: { type: 'LoadBalancer', ports: [{ port, protocol: 'TCP' }] } }
}

export const isWatch = ({ query }: FakeRequest): boolean =>
  query.get('watch') === 'true' && !query.has('sendInitialEvents')
export const isStream = ({ query }: FakeRequest): boolean => query.has('sendInitialEvents')
export const isList = ({ query }: FakeRequest): boolean => !query.has('watch')

function textOf(object: ServiceObject | undefined): string {
  return object === undefined ? '-' : `${object.metadata.name}/${object.metadata.uid}`
}

/** A reflector of Services on a fake API server, with time held still. */
export class ReflectorHarness {
  readonly server: FakeApiServer
  readonly clock = new FakeClock()
  readonly log = recordingLog()
  readonly comeback = createComeback(this.clock)
  readonly client: KubeClient
  readonly reflector: Reflector<ServiceObject>
  /** As `source before after`. */
  readonly changes: string[] = []
  readonly stop = new AbortController()
  #run: Promise<void> | undefined

  private constructor(server: FakeApiServer) {
    this.server = server
    this.client = createKubeClient({ kubeConfig: server.kubeConfig(), clock: this.clock })
    const { client, log, clock, comeback } = this
    this.reflector = new Reflector({ client, resource: SERVICES, log, clock, pageSize: 2, comeback })
    this.reflector.store.onChange(({ before, after, source }: StoreChange<ServiceObject>) => {
      this.changes.push(`${source} ${textOf(before)} ${textOf(after)}`)
    })
  }

  static async create(): Promise<ReflectorHarness> {
    return new ReflectorHarness(await FakeApiServer.start())
  }

  start(): void {
    this.#run = this.reflector.run(this.stop.signal)
  }

  async halt(): Promise<void> {
    this.stop.abort()
    await this.#run
  }

  async close(): Promise<void> {
    await this.halt()
    await this.client.close()
    await this.server.close()
  }

  get names(): readonly string[] {
    return this.reflector.store.list().map(({ metadata }) => metadata.name)
  }

  portOf(name: string): number | undefined {
    return this.reflector.store.get('ns', name)?.spec.ports[0]?.port
  }

  count(matches: (request: FakeRequest) => boolean): number {
    return this.server.requests.filter(matches).length
  }

  /** Whether a watch is open at both ends. */
  readonly watching = (): boolean =>
    this.reflector.state === 'watching' && this.reflector.lastError === undefined && this.server.openWatches === 1

  /** Starts, and waits for the first list. */
  async synced(): Promise<void> {
    this.start()
    await eventually(this.watching)
  }

  /** Lets every pause pass until something is so. */
  async through(what: () => boolean): Promise<void> {
    await eventually(() => {
      if (this.reflector.state === 'waiting') this.clock.advance(60_000)
      return what()
    }, what.toString())
  }
}
