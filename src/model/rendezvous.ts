/** Services are spread over so many subsets of the nodes: enough to load the nodes evenly, few enough that groups stay shared. */
export const SHARDS = 64

/** More members than these cannot be ranked: a rank and a position share the 53 bits of a number. */
const MOST_MEMBERS = 2 ** 20

/** A 32-bit hash of a text: FNV-1a over its code units, finished as MurmurHash3 is, so that names which differ in a digit differ in every bit. */
export function hashText(text: string): number {
  let hash = 0x81_1c_9d_c5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01_00_01_93)
  }
  return finish(hash)
}

function finish(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85_eb_ca_6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2_b2_ae_35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/**
 * The members that a seed ranks first, by rendezvous hashing (Thaler and Ravishankar 1998): each member's rank depends on itself and the seed alone, so
 * one that goes is replaced by one other, and no member moves that has not to. `members` come sorted by name, by which equal ranks are decided, and so
 * does the result. `most` 0: all.
 */
export function pickMembers<T extends { readonly hash: number }>(
  members: readonly T[],
  seed: number,
  most: number,
): readonly T[] {
  if (most === 0 || members.length <= most) return members
  const ranks = new Float64Array(members.length)
  for (const [index, { hash }] of members.entries()) ranks[index] = finish(hash ^ seed) * MOST_MEMBERS + index
  const last = ranks.toSorted()[most - 1] ?? 0
  return members.filter((_, index) => (ranks[index] ?? 0) <= last)
}
