import type { ServiceObject } from '../kube/objects.ts'
import type { Family } from '../model/address.ts'
import { hashText, SHARDS } from '../model/rendezvous.ts'
import { serviceName } from '../model/table.ts'
import type { NodeAddressType } from './annotation-values.ts'
import type { Settings } from './annotations.ts'
import type { NodeRule } from './node-sets.ts'
import type { ClassSpec } from './spec.ts'

/** The nodes that a Service leads to, by the id of their group and without the cluster. */
export interface NodeWish {
  readonly id: string
  readonly rule: NodeRule
  /** Chooses among the nodes where a group must not have all. */
  readonly seed: number
  /** Whether only nodes with endpoints of the Service take its traffic. */
  readonly local: boolean
}

/** Selectors that Services have had over time must not fill the memory. */
const MOST_KNOWN = 1_000

type WishSpec = Pick<ClassSpec, 'nodeSelector' | 'addressTypes' | 'maxTargets'>

/**
 * Reads which nodes Services of a class want, each by itself. Those that choose nodes alike get one wish, unless they are local or there is a limit:
 * then it is shared by those of one shard.
 */
export function createNodeWishes(spec: WishSpec): (service: ServiceObject, settings: Settings) => NodeWish {
  const known = new Map<string, NodeWish>()
  const shareWish = (types: readonly NodeAddressType[], families: readonly Family[], selector: string): NodeWish => {
    const choice = `${listed(types)}/${listed(families)}/${selector}`
    const before = known.get(choice)
    if (before !== undefined) return before
    if (known.size >= MOST_KNOWN) known.clear()
    const wish = anyNode(types, families, [spec.nodeSelector, selector])
    known.set(choice, wish)
    return wish
  }
  return (service, settings) => {
    const types = settings.whole('node-address-type') ?? spec.addressTypes
    const wish = shareWish(types, familiesOf(service), settings.whole('node-selector') ?? '')
    const local = service.spec.externalTrafficPolicy === 'Local'
    if (!local && spec.maxTargets === 0) return wish
    const name = serviceName(service.metadata)
    const hash = hashText(name)
    if (local) return { ...wish, id: `local/${name}/${wish.id}`, seed: hash, local }
    const shard = hash % SHARDS
    return { ...wish, id: `${wish.id}/${shard}`, seed: hashText(`shard ${shard}`) }
  }
}

function anyNode(types: readonly NodeAddressType[], families: readonly Family[], texts: readonly string[]): NodeWish {
  const selectors = texts.filter((text) => text !== '')
  const id = `nodes/${types.join()}/${families.join()}${selectors.map((text) => `/${text}`).join('')}`
  return { id, rule: { selectors, excluded: false, types, families }, seed: 0, local: false }
}

function listed(words: readonly string[]): string {
  return words.length === 1 ? (words[0] ?? '') : words.join()
}

/** The families in which a Service's node ports and pods answer, preferred first. */
export function familiesOf({ spec }: ServiceObject): readonly Family[] {
  return spec.ipFamilies.length > 0 ? spec.ipFamilies : ['IPv4']
}
