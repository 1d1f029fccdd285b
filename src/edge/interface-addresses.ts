import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import * as z from 'zod'
import { canonicalAddress, familyOf } from '../model/address.ts'
import { errorText } from '../model/problems.ts'
import type { Files } from './files.ts'
import type { Log } from './log.ts'
import { seal, unseal } from './sealed.ts'

/** The addresses of one interface of the machine. */
export interface Interface {
  readonly name: string
  /** Canonical. */
  addresses(): Promise<readonly string[]>
  add(address: string): Promise<void>
  remove(address: string): Promise<void>
}

/** `ip` answers at once, or something is badly wrong. */
const LIMIT_MS = 5_000

const listSchema = z.array(z.object({ addr_info: z.array(z.object({ local: z.string().optional() })).default([]) }))

async function runIp(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('ip', args, { timeout: LIMIT_MS })
  return stdout
}

function withPrefix(address: string): string {
  return `${address}/${familyOf(address) === 'IPv6' ? 128 : 32}`
}

/** An interface as iproute2 works it; needs CAP_NET_ADMIN. */
export function openInterface(name: string): Interface {
  return {
    name,
    addresses: async () => {
      const list = listSchema.parse(JSON.parse(await runIp('-j', 'address', 'show', 'dev', name)))
      return list.flatMap(({ addr_info }) => addr_info.flatMap(({ local }) => canonicalAddress(local ?? '') ?? []))
    },
    add: async (address) => {
      // Duplicate address detection would keep an IPv6 address from being bound for seconds.
      const flags = familyOf(address) === 'IPv6' ? ['nodad'] : []
      await runIp('address', 'add', withPrefix(address), 'dev', name, ...flags)
    },
    remove: async (address) => {
      await runIp('address', 'del', withPrefix(address), 'dev', name)
    },
  }
}

/** Puts addresses on an interface, and takes away again those that it put there, also before a restart. */
export interface AddressKeeper {
  /** Adds what is wanted and missing. What cannot be added is logged: binding it will fail, and say so. */
  add(wanted: ReadonlySet<string>): Promise<void>
  /** Removes its own that are wanted no more. */
  trim(wanted: ReadonlySet<string>): Promise<void>
}

const FILE = 'addresses.json'
const fileSchema = z.object({ interface: z.string(), added: z.array(z.string()) })

export async function createAddressKeeper(files: Files, device: Interface, log: Log): Promise<AddressKeeper> {
  let own = await loadOwn(files, device.name, log)

  /** Noted before it is done: an address of ours must never be taken for somebody else's. */
  async function note(added: ReadonlySet<string>): Promise<void> {
    await files.write(`${FILE}.next`, seal({ interface: device.name, added: [...added].toSorted() }))
    await files.rename(`${FILE}.next`, FILE)
    await files.sync()
    own = added
  }

  async function attempt(what: 'add' | 'remove', address: string): Promise<boolean> {
    try {
      await device[what](address)
      log.info({ address, interface: device.name }, `${what} ${address}, interface ${device.name}: done`)
      return true
    } catch (error) {
      log.error({ address }, `${what} ${address}, interface ${device.name}: ${errorText(error)}`)
      return false
    }
  }

  return {
    add: async (wanted) => {
      const present = new Set(await device.addresses())
      const missing = [...wanted].filter((address) => !present.has(address))
      if (missing.length === 0) return
      await note(own.union(new Set(missing)))
      for (const address of missing) await attempt('add', address)
    },
    trim: async (wanted) => {
      const surplus = [...own].filter((address) => !wanted.has(address))
      if (surplus.length === 0) return
      const present = new Set(await device.addresses())
      const gone = new Set<string>()
      for (const address of surplus) {
        if (!present.has(address) || (await attempt('remove', address))) gone.add(address)
      }
      await note(own.difference(gone))
    },
  }
}

/** The addresses that were added before a restart. */
async function loadOwn(files: Files, name: string, log: Log): Promise<ReadonlySet<string>> {
  const text = await files.read(FILE)
  if (text === undefined) return new Set()
  const unsealed = unseal(text)
  const kept = unsealed.kind === 'value' ? fileSchema.safeParse(unsealed.value).data : undefined
  if (kept === undefined) {
    log.error({ file: FILE }, `${FILE} cannot be read: addresses that were added to ${name} stay there`)
    return new Set()
  }
  if (kept.interface === name) return new Set(kept.added)
  if (kept.added.length > 0) log.warn({ file: FILE }, `added to ${kept.interface}, and stays: ${kept.added.join(', ')}`)
  return new Set()
}
