/**
 * The three functions of the Reflect Metadata proposal that tsyringe, which @peculiar/x509 is built with, wants to find when it is loaded. Import this
 * before it. A polyfill that somebody else has loaded stays.
 */
const kept = new WeakMap<object, Map<unknown, unknown>>()

function getMetadata(key: unknown, target: object): unknown {
  return kept.get(target)?.get(key)
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
  kept.set(target, (kept.get(target) ?? new Map<unknown, unknown>()).set(key, value))
}

if (!('getMetadata' in Reflect)) Object.assign(Reflect, { getMetadata, getOwnMetadata: getMetadata, defineMetadata })
