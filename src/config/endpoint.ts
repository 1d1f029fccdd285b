import { canonicalAddress } from '../model/address.ts'
import { parsed } from './schema.ts'

/** Reads `0.0.0.0:7443` or `[::]:7443`. Port 0 lets the system choose. */
function readEndpoint(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = canonicalAddress(bracketed ?? plain ?? '')
  return host === undefined || Number(digits) > 65_535 ? undefined : { host, port: Number(digits) }
}

/** Where a server listens. */
export const endpoint = parsed(readEndpoint, 'is not an address with a port like 0.0.0.0:7443 or [::]:7443')
