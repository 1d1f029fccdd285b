import type { ServicePort } from '../kube/objects.ts'
import { portKey, portsNamed, shorten } from './annotation-texts.ts'
import { readPort } from './annotation-values.ts'

/** The frontend port of each port that the annotation `ports` names. */
export type PortMapping = (port: ServicePort) => number | undefined

/**
 * Reads the annotation `ports` (`https=443,smtp=25`): frontend ports of a NodePort Service, whose own ports are often not the public ones.
 * Returns what is wrong where it is malformed.
 */
export function readPortMapping(text: string, ports: readonly ServicePort[]): PortMapping | string {
  const mapped = new Map<string, number>()
  const taken = new Set<string>()
  for (const part of text.split(',')) {
    const [selector = '', value = '', ...rest] = part.trim().split('=')
    const chosen = portsNamed(selector, ports)
    const frontend = readPort(value)
    const sockets = chosen.map(({ protocol }) => `${frontend}/${protocol}`)
    const twice = chosen.some((port) => mapped.has(portKey(port))) || sockets.some((one) => taken.has(one))
    if (chosen.length === 0 || frontend === undefined || rest.length > 0 || twice) {
      return `"${shorten(part)}" is malformed`
    }
    for (const port of chosen) mapped.set(portKey(port), frontend)
    for (const one of sockets) taken.add(one)
  }
  return (port) => mapped.get(portKey(port))
}
