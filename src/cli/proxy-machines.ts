import { networkInterfaces } from 'node:os'
import { findMigrateProblem } from '../caddy/tcp-migrate-req.ts'
import { canonicalAddress } from '../model/address.ts'
import type { Machines } from '../report/doctor.ts'
import type { Survey } from '../report/survey.ts'

/** Looks at this machine for each Caddy that runs on it: how others are set nobody tells from afar. */
export async function lookAtMachines({ classes }: Survey, proc = '/proc'): Promise<Machines> {
  const caddies = classes.flatMap(({ proxies }) => proxies.filter(({ kind }) => kind === 'caddy'))
  const here = new Set(caddies.map(({ url }) => url).filter(isHere))
  if (here.size === 0) return new Map()
  const problem = await findMigrateProblem(proc)
  return new Map([...here].map((url) => [url, problem]))
}

function isHere(url: string): boolean {
  const { hostname } = new URL(url)
  if (hostname === 'localhost') return true
  const address = canonicalAddress(hostname.replace(/^\[(.*)\]$/, '$1'))
  const own = Object.values(networkInterfaces()).flatMap((list) => list?.map((one) => one.address) ?? [])
  return address !== undefined && (address.startsWith('127.') || own.includes(address))
}
