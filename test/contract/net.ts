/** A piece of loopback that no other process of tests has: they would take each other's ports. */
const NET = `127.${64 + ((process.pid >> 8) % 128)}.${process.pid % 256}`

/** The address of this process's piece that ends in a number. */
export function local(last: number): string {
  return `${NET}.${last}`
}
