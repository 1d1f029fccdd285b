import { createHash } from 'node:crypto'
import { LABEL } from '../../model/names.ts'
import type { Owner } from '../../model/table.ts'

/** Whose a section is, by its name. */
export type Holder = Pick<Owner, 'cluster' | 'className'>

/** Of the section with our defaults: settings of the administrator's defaults do not reach our sections. */
export function defaultsName({ cluster, className }: Holder): string {
  return `fairway.${cluster}.${className}`
}

/** `to`: servers that traffic goes to; `check`: servers that are only checked. */
export type BackendRole = 'to' | 'check'

/** Of a backend. `parts` are what tells it from others; nobody can do harm by a collision, which a number behind the name resolves. */
export function backendName(holder: Holder, role: BackendRole, parts: readonly unknown[]): string {
  const text = JSON.stringify(parts.map((part) => part ?? null))
  return `${defaultsName(holder)}.${role}.${createHash('sha256').update(text).digest('hex').slice(0, 12)}`
}

const BACKEND = /^fairway\.(?<cluster>[^.]+)\.(?<className>[^.]+)\.(?:to|check)\.[0-9a-f]{12}(?:\.\d+)?$/
const DEFAULTS = /^fairway\.(?<cluster>[^.]+)\.(?<className>[^.]+)$/

/** Whose a backend is; undefined for a name that `backendName` does not write. */
export function parseBackendName(name: string): Holder | undefined {
  return holderOf(BACKEND.exec(name)?.groups)
}

/** Whose defaults a section has; undefined for a name that `defaultsName` does not write. */
export function parseDefaultsName(name: string): Holder | undefined {
  return holderOf(DEFAULTS.exec(name)?.groups)
}

function holderOf(groups: Readonly<Record<string, string>> | undefined): Holder | undefined {
  const { cluster = '', className = '' } = groups ?? {}
  return LABEL.test(cluster) && LABEL.test(className) ? { cluster, className } : undefined
}

/** Name of a server: what it leads to, so that it stays while others come and go. */
export function serverName(address: string, port: number | undefined): string {
  const host = address.replaceAll(':', '_')
  return port === undefined ? host : `${host}.${port}`
}
