/** What an import comes to: its YAML is read back as users give it to Fairway, and the desired state of the class is made of it. */
import { parseAllDocuments } from 'yaml'
import { parseConfig } from '../../../src/config/load.ts'
import { desireClass, selectServices } from '../../../src/desired/desire.ts'
import { type Imported, type ImportWishes, importConfig, importText } from '../../../src/import/import.ts'
import type { EndpointSliceObject, NodeObject, ServiceObject } from '../../../src/kube/objects.ts'
import type { Driver } from '../../../src/model/driver.ts'
import { compareText, type Frontend, frontendKey, type Table } from '../../../src/model/table.ts'
import { startClasses } from '../../../src/operator/classes.ts'
import { node, service } from '../../support/builders.ts'

export const NODES: readonly NodeObject[] = ['10.1.0.3', '10.1.0.4', '10.1.0.5'].map((address, index) =>
  node(`n${index + 1}`, [`InternalIP ${address}`]),
)

/** A Service whose node ports are given: `http 80 30080`. */
export function nodePorts(
  name: string,
  ports: readonly string[],
  wishes: Parameters<typeof service>[1] = {},
): ServiceObject {
  return service(name, {
    type: 'NodePort',
    ...wishes,
    ports: ports.map((text) => {
      const [label = '', port = '', nodePort = '', protocol = 'TCP'] = text.split(' ')
      const numbers = { port: Number(port), ...(nodePort === '-' ? {} : { nodePort: Number(nodePort) }) }
      return { name: label, protocol: protocol === 'UDP' ? 'UDP' : 'TCP', ...numbers }
    }),
  })
}

export interface World {
  readonly services: readonly ServiceObject[]
  readonly nodes?: readonly NodeObject[]
  readonly slices?: readonly EndpointSliceObject[]
}

export function runImport(
  wishes: Pick<ImportWishes, 'from' | 'text'> & Partial<ImportWishes>,
  { services, nodes = NODES, slices = [] }: World,
) {
  const all = { file: 'old', addresses: ['203.0.113.10'], cluster: 'prod', className: 'public', ...wishes }
  const state = {
    services,
    nodes,
    slicesOf: ({ name }: { readonly name: string }) => slices.filter((one) => one.service === name),
  }
  const imported = importConfig(all, state)
  return { imported, text: importText(imported, 'old'), state }
}

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly namespace: string; readonly name: string; readonly annotations: Record<string, string> }
  readonly spec?: Partial<ServiceObject['spec']>
}

/** The table that Fairway makes of what was printed, and all problems. */
export function desiredOf({ text, state }: ReturnType<typeof runImport>) {
  const [first, ...rest] = parseAllDocuments(text)
  const config = parseConfig(String(first), 'import.yaml')
  const manifests = rest.map((one) => one.toJS() as Manifest)
  const services = state.services.map((one): ServiceObject => {
    const patch = manifests.find(
      ({ metadata }) => metadata.name === one.metadata.name && metadata.namespace === one.metadata.namespace,
    )
    if (patch === undefined) return one
    const metadata = { ...one.metadata, annotations: patch.metadata.annotations }
    return { ...one, metadata, spec: { ...one.spec, ...patch.spec } }
  })
  const [running] = startClasses(config, 'uid', () => ({ capabilities: undefined }) as unknown as Driver)
  if (running === undefined) throw new Error('no class')
  const rule = { name: 'public', default: false, aliases: [], namespaces: ['*'] }
  return desireClass(running.spec, selectServices(services, [rule]), { ...state, services })
}

/** One line for each frontend: where it is, what it leads to, and what it is set to. Checks that nobody asked for are left out. */
export function linesOf(table: Table): readonly string[] {
  const groups = new Map(table.groups.map(({ id, targets }) => [id, targets]))
  return table.frontends.map((one) => {
    const targets = (groups.get(one.group) ?? []).map(({ address, port }) => `${address}:${port ?? one.targetPort}`)
    return lineOf(one, frontendKey(one), targets)
  })
}

/** The same of what was found in the old configuration. */
export function oldLines({ placed }: Imported): readonly string[] {
  return placed
    .flatMap(({ old, addresses }) =>
      addresses.map((address) => {
        const targets = old.targets.map((one) => `${one.address}:${one.port}`)
        return lineOf(old, frontendKey({ ...old, address }), targets)
      }),
    )
    .toSorted(compareText)
}

type Settings = Pick<
  Frontend,
  'proxyProtocol' | 'balance' | 'healthCheck' | 'idleTimeoutMs' | 'maxConnections' | 'sourceRanges'
>

function lineOf(one: Settings, key: string, targets: readonly string[]): string {
  const { healthCheck, proxyProtocol, balance, sourceRanges, maxConnections, idleTimeoutMs } = one
  const asked = healthCheck?.derived === false ? healthCheck : undefined
  const check = asked && `${asked.kind} ${asked.intervalMs}/${asked.timeoutMs} ${asked.rise}/${asked.fall}`
  const words = [proxyProtocol, balance, check, sourceRanges.join(), maxConnections, idleTimeoutMs]
  return `${key} → ${targets.toSorted().join(' ')} | ${words.map((word) => word ?? '').join(' | ')}`
}
