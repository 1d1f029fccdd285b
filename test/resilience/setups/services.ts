/** What people write into Services that cannot be, and what of the machine is in their way. All of it is broken at once, and each is mended as its remedy says. */
import {
  addService,
  fightOver,
  listenOn,
  type Meta,
  ports,
  prefixed,
  removeService,
  writeAsNeighbour,
} from './service-hands.ts'
import type { Site } from './site.ts'

export interface ServiceSetup {
  readonly what: string
  /** Its name, or NAMESPACE/NAME. */
  readonly service: string
  /** Its annotations, without their prefix. */
  readonly annotations?: Meta | ((site: Site) => Meta)
  readonly spec?: object
  /** What is done beside it, before. Gives what undoes it. */
  readonly before?: (site: Site) => Promise<() => Promise<unknown>>
  /** What is done once it is served. */
  readonly after?: (site: Site) => Promise<unknown>
  readonly code: string
  readonly cause: RegExp
  readonly remedy: RegExp
  /** What the remedy says: a change of the Service, or undoing what was done before. */
  readonly mend: 'before' | ((site: Site) => object)
}

/** Where somebody else is. */
const [BUSY, OTHERS] = [20_022, 20_023]

const annotate = (annotations: Readonly<Record<string, string | null>>) => () => ({
  metadata: { annotations: prefixed(annotations) },
})
const withPort = (port: number) => ({ ports: ports(port) })
const at = (last: number) => (site: Site) => ({ address: site.address(last) })

export const SERVICE_SETUPS: readonly ServiceSetup[] = [
  {
    what: 'a class that is misspelt',
    service: 'typo',
    annotations: { class: 'publik' },
    code: 'ClassUnknown',
    cause: /names class "publik", which the configuration does not have \(did you mean "public"\?\)/,
    remedy: /^Use one of: public, private$/,
    mend: annotate({ class: 'public' }),
  },
  {
    what: 'a class that the namespace may not use',
    service: 'guests/guest',
    annotations: { class: 'private' },
    code: 'ClassForbidden',
    cause: /may not use class "private" from namespace "guests"/,
    remedy: /namespaces\.allow of the class/,
    mend: annotate({ class: 'public' }),
  },
  {
    what: 'two classes on one Service',
    service: 'torn',
    annotations: { class: 'public' },
    spec: { loadBalancerClass: 'fairway.dev/private' },
    code: 'ClassConflict',
    cause: /names class "public" by annotation and "fairway\.dev\/private" by spec\.loadBalancerClass/,
    remedy: /^Remove the annotation fairway\.dev\/class/,
    mend: annotate({ class: null }),
  },
  {
    what: 'a Service that has no node ports by its type',
    service: 'inner',
    annotations: { class: 'public' },
    spec: { type: 'ClusterIP' },
    code: 'TypeUnsupported',
    cause: /is of type ClusterIP, which has no node ports/,
    remedy: /^Set spec\.type to LoadBalancer or NodePort/,
    mend: () => ({ spec: { type: 'LoadBalancer' } }),
  },
  {
    what: 'a Service that was told to have no node ports',
    service: 'portless',
    spec: { allocateLoadBalancerNodePorts: false },
    code: 'NodePortMissing',
    cause: /node port/,
    remedy: /allocateLoadBalancerNodePorts/,
    mend: () => ({ spec: { allocateLoadBalancerNodePorts: true } }),
  },
  {
    what: 'an annotation that is misspelt',
    service: 'slip',
    annotations: { 'proxy-protocoll': 'v2' },
    code: 'AnnotationUnknown',
    cause: /fairway\.dev\/proxy-protocoll.*did you mean "?(fairway\.dev\/)?proxy-protocol"?\?/,
    remedy: /^Correct or remove it/,
    mend: annotate({ 'proxy-protocoll': null }),
  },
  {
    what: 'an annotation with a value that is none',
    service: 'fast',
    annotations: { balance: 'fastest' },
    code: 'AnnotationInvalid',
    cause: /fairway\.dev\/balance.*fastest/,
    remedy: /^Set it to .*least-connections/,
    mend: annotate({ balance: 'least-connections' }),
  },
  {
    what: 'UDP on HAProxy',
    service: 'dns',
    spec: { ports: [{ name: 'dns', port: 20_053, protocol: 'UDP' }] },
    code: 'Unsupported',
    cause: /asks for protocol UDP on port 20053\/UDP, which proxy edge-1 cannot do/,
    remedy: /^Use TCP/,
    mend: () => ({ spec: { ports: [{ name: 'dns', port: 20_053, protocol: 'TCP' }] } }),
  },
  {
    what: 'a pool that is exhausted',
    service: 'second',
    annotations: { pool: 'tiny' },
    spec: withPort(20_001),
    before: async (site) => {
      await addService(site, 'first', { pool: 'tiny' }, withPort(20_001))
      return () => removeService(site, 'first')
    },
    code: 'PoolExhausted',
    cause: /gets no address of .* \(pool tiny\): none has 20001\/TCP free \(.*default\/first/,
    remedy: /^Add addresses to a pool of the class, or free the port/,
    mend: 'before',
  },
  {
    what: 'a pool that is misspelt',
    service: 'lost',
    annotations: { pool: 'tinny' },
    spec: withPort(20_002),
    code: 'PoolUnknown',
    cause: /wants pool "tinny"/,
    remedy: /^Use one of: .*\btiny\b/,
    mend: annotate({ pool: 'tiny' }),
  },
  {
    what: 'an address that no pool has',
    service: 'outside',
    annotations: { address: '203.0.113.77' },
    spec: withPort(20_003),
    code: 'AddressOutsidePools',
    cause: /wants address 203\.0\.113\.77, which is not in any pool that it may use/,
    remedy: /^Use one of: /,
    mend: (site) => annotate({ address: site.address(2) })(),
  },
  {
    what: 'a port that another Service has',
    service: 'late',
    annotations: at(1),
    spec: withPort(80),
    code: 'PortTaken',
    cause: /asks for port 80\/TCP on .*, which Service default\/web holds/,
    remedy: /^Choose another port or another address$/,
    mend: (site) => annotate({ address: site.address(3) })(),
  },
  {
    what: 'a port that the class never gives',
    service: 'mail',
    spec: withPort(25),
    code: 'PortDenied',
    cause: /port 25/,
    remedy: /port/,
    mend: () => ({ spec: { ports: ports(20_025) } }),
  },
  {
    what: 'a quota that is used up',
    service: 'crowded/both',
    spec: { ports: ports(20_004, 20_005) },
    code: 'QuotaExceeded',
    cause: /namespace crowded may have 1 frontends? of its class/,
    remedy: /^Free frontends of the namespace, or have its quota raised/,
    mend: () => ({ spec: { ports: ports(20_004) } }),
  },
  {
    what: 'externalTrafficPolicy Local, and no pod',
    service: 'podless',
    spec: { ports: ports(20_006), externalTrafficPolicy: 'Local' },
    code: 'NoTargets',
    cause: /has no ready endpoint on any usable node/,
    remedy: /^Check its pods, or set externalTrafficPolicy: Cluster/,
    mend: () => ({ spec: { externalTrafficPolicy: 'Cluster' } }),
  },
  {
    what: 'a port that another program has on the proxy, as sshd has 22',
    service: 'shell',
    annotations: at(2),
    spec: withPort(BUSY),
    before: async (site) => listenOn(site.address(2), BUSY),
    code: 'PortTaken',
    cause: /is taken by node \(process \d+\) on /,
    remedy: /stop that process on the proxy \(ss -ltnp 'sport = :20022'\)$/,
    mend: 'before',
  },
  {
    what: 'a port that another cluster has on the same edge',
    service: 'visitor',
    annotations: at(2),
    spec: withPort(OTHERS),
    before: async (site) => writeAsNeighbour(site, site.address(2), OTHERS),
    code: 'PortTaken',
    cause: /is held by neighbour\/public$/,
    remedy: /port or address/,
    mend: 'before',
  },
  {
    what: 'an address that the proxy machine does not have',
    service: 'absent',
    annotations: { pool: 'gone' },
    code: 'AddressNotOnProxy',
    cause: /is on an address that no interface of the proxy has/,
    remedy: /^Add the address to an interface of the proxy/,
    mend: 'before',
    before:
      async ({ machines }) =>
      () =>
        machines.take(machines.spare(0)),
  },
  {
    what: 'an address that the edge gives to no cluster',
    service: 'stranger',
    annotations: { pool: 'foreign' },
    code: 'AddressOutsidePools',
    cause: /is on an address that this proxy does not give to clusters/,
    remedy: /add it to `addresses` in the proxy's edge\.yaml$/,
    mend: 'before',
    before:
      async ({ harness: { edge }, machines }) =>
      async () => {
        await machines.take(machines.spare(1))
        await edge.configure({ addresses: ['127.0.0.0/8', machines.spare(0), machines.spare(1)] })
        await edge.end('SIGTERM')
        await edge.start()
      },
  },
  {
    what: 'another controller that fights over the status',
    service: 'contested',
    spec: withPort(20_007),
    after: fightOver,
    code: 'StatusContested',
    cause: /shows 10\.9\.9\.9, written by (metallb-controller|another controller)/,
    remedy: /^Keep the other controller off it: create it anew with loadBalancerClass fairway\.dev\/CLASS/,
    mend: 'before',
    before: async (site) => async () => {
      await removeService(site, 'contested')
      await addService(site, 'contested', {}, { ...withPort(20_007), loadBalancerClass: 'fairway.dev/public' })
    },
  },
]
