import type { ClassConfig } from '../config/schema.ts'
import { isTcpDefault, readDefault } from '../desired/annotations.ts'
import { askedCheck, paceOf } from '../desired/checks.ts'
import { type Capabilities, protocolsOf } from '../model/driver.ts'
import { FairwayError } from '../model/problems.ts'
import type { Frontend, Protocol } from '../model/table.ts'
import { findLack } from '../plan/capabilities.ts'
import type { Proxy } from './interfaces.ts'

/**
 * Throws ConfigInvalid for a default of a class that one of its proxies can do for no port whatever its protocol: it would refuse every Service.
 * A proxy that tells only when it is read what it can do is not judged here.
 */
export function checkClassDefaults(one: ClassConfig, proxies: readonly Proxy[]): void {
  for (const { name: proxy, driver } of proxies) {
    if (driver.capabilities === undefined) continue
    for (const name of Object.keys(one.defaults)) {
      const lack = lackOf(name, one.defaults, driver.capabilities)
      if (lack !== undefined) throw lacking(one, name, proxy, lack)
    }
  }
}

function lacking(one: ClassConfig, name: string, proxy: string, lack: string): FairwayError {
  const message = `class "${one.name}": defaults.${name}: proxy "${proxy}" cannot do ${lack}`
  return new FairwayError({
    code: 'ConfigInvalid',
    kind: 'terminal',
    message,
    remedy: 'Remove the default, or the proxy',
  })
}

/** What a proxy lacks for one default, in the words of its first protocol; undefined when it can do it for some. */
function lackOf(name: string, defaults: ClassConfig['defaults'], can: Capabilities): string | undefined {
  const protocols: readonly Protocol[] = isTcpDefault(name) ? ['TCP'] : protocolsOf(can)
  const lacks = protocols.map((protocol) => findLack(sampleOf(name, defaults, protocol), can))
  return lacks.every((lack) => lack !== undefined) ? lacks[0]?.[0] : undefined
}

/** A frontend of a Service that leaves this one thing to its class. */
function sampleOf(name: string, all: ClassConfig['defaults'], protocol: Protocol): Frontend {
  // How often a check fails says nothing without its kind.
  const names = name.startsWith('health-check') ? ['health-check', name] : [name]
  const defaults = Object.fromEntries(names.flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]])))
  const kind = readDefault(defaults, 'health-check')
  return {
    address: '192.0.2.1',
    port: 1,
    protocol,
    group: '',
    targetPort: 1,
    proxyProtocol: readDefault(defaults, 'proxy-protocol') ?? 'off',
    balance: readDefault(defaults, 'balance') ?? 'round-robin',
    healthCheck:
      kind &&
      askedCheck(
        kind,
        paceOf((key) => readDefault(defaults, key)),
      ),
    affinityMs: undefined,
    idleTimeoutMs: readDefault(defaults, 'idle-timeout'),
    maxConnections: readDefault(defaults, 'max-connections'),
    sourceRanges: [],
    hosts: readDefault(defaults, 'hosts') ?? [],
    service: undefined,
  }
}
