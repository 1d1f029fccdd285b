/** Every program that an edge can work, alone or two of them, by its name. */
import { makeCaddy } from './caddy.ts'
import { makeEnvoy } from './envoy.ts'
import { makeHaproxy } from './haproxy.ts'
import { makeNginx } from './nginx.ts'
import { makePair, type PairUnit, type ProxyUnit } from './unit.ts'

const MAKERS = {
  caddy: () => makeCaddy(),
  envoy: () => makeEnvoy(),
  haproxy: () => makeHaproxy(),
  nginx: () => makeNginx(),
} satisfies Readonly<Record<string, () => Promise<ProxyUnit>>>

type Kind = keyof typeof MAKERS
/** `haproxy`, or `haproxy+nginx`: the first for TCP, the second for UDP. */
export type ProxyKind = Kind | `${Kind}+${Kind}`

export async function makeUnit(kind: ProxyKind): Promise<ProxyUnit | PairUnit> {
  const [tcp, udp] = kind.split('+') as [Kind, Kind?]
  return udp === undefined ? MAKERS[tcp]() : makePair(await MAKERS[tcp](), await MAKERS[udp]())
}
