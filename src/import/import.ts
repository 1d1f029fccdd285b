import { readCaddyConfig } from './caddy.ts'
import { configOf } from './class-config.ts'
import { readHaproxyConfig } from './haproxy.ts'
import { createRemarks, type OldConfig, type OldFrontend, type Remark } from './old.ts'
import { type Cluster, type Placed, placeFrontends } from './place.ts'
import { divide, type ServiceWish } from './services.ts'
import { yamlText } from './yaml-text.ts'

export const SOURCES = ['caddy', 'haproxy'] as const
export type Source = (typeof SOURCES)[number]

/** What is imported, and how. */
export interface ImportWishes {
  readonly from: Source
  readonly text: string
  /** For messages. */
  readonly file: string
  /** Published addresses that stand for "all addresses" of the old configuration, the first of each family. */
  readonly addresses: readonly string[]
  readonly cluster: string
  readonly className: string
}

export interface Imported {
  /** fairway.yaml, as a value. */
  readonly config: object
  readonly services: readonly ServiceWish[]
  readonly remarks: readonly Remark[]
  /** What was carried over, for comparison. */
  readonly placed: readonly Placed[]
}

/** Turns an old configuration into annotations of Services, and into a class with frontends for what has no Service. Throws ConfigInvalid. */
export function importConfig(wishes: ImportWishes, cluster: Cluster): Imported {
  const old = readOld(wishes)
  const remarks = createRemarks()
  for (const { at, text } of old.remarks) remarks.add(at, text)
  const placed = placeFrontends(withoutRivals(old.frontends, remarks.add), wishes.addresses, cluster, remarks)
  const { services, fixed, pods } = divide(placed, wishes.className, remarks)
  const kind = wishes.from === 'caddy' ? 'caddy' : 'edge'
  const config = configOf({ ...wishes, kind }, placed, fixed, pods, remarks)
  if (pods.length > 0)
    remarks.add('pods.cidrs', "is as small as today's pods allow: widen it to the cluster's pod network")
  if (cluster.nodes.length === 0)
    remarks.add('nodes', 'none are known, so Services were found by their node ports alone')
  return { config, services, remarks: remarks.all(), placed }
}

function readOld({ from, text, file }: ImportWishes): OldConfig {
  switch (from) {
    case 'caddy':
      return readCaddyConfig(text, file)
    case 'haproxy':
      return readHaproxyConfig(text, file)
  }
  return from satisfies never
}

/** Of two that want the same clients the first has them, as with the old proxy. */
function withoutRivals(
  frontends: readonly OldFrontend[],
  tell: (at: string, text: string) => void,
): readonly OldFrontend[] {
  const held = new Map<string, OldFrontend>()
  for (const one of frontends) {
    const key = JSON.stringify([one.protocol, one.address, one.port, one.hosts])
    if (held.has(key)) tell(one.at, `port ${one.port} is there twice: the first one is carried over`)
    else held.set(key, one)
  }
  return [...held.values()]
}

/** The result as YAML: fairway.yaml, and behind it the Services as `kubectl apply --server-side` takes them. What is not carried over is said above. */
export function importText({ config, services, remarks }: Imported, file: string): string {
  const head = [
    `fairway.yaml, made from ${file}. Fill in how the proxy is reached. The Services behind the first line of dashes are for`,
    '`kubectl apply --server-side --field-manager=fairway-import -f -`.',
    ...(remarks.length === 0 ? [] : ['Not as it was:', ...remarks.map(({ at, text }) => `- ${at}: ${text}`)]),
  ]
  return [yamlText(config, head), ...services.map((one) => yamlText(manifestOf(one)))].join('---\n')
}

function manifestOf({ service, annotations, spec }: ServiceWish): object {
  const { namespace, name } = service.metadata
  const metadata = { namespace, name, annotations }
  return { apiVersion: 'v1', kind: 'Service', metadata, ...(Object.keys(spec).length === 0 ? {} : { spec }) }
}
