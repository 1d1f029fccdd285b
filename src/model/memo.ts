/**
 * Remembers what a function makes of an object, for as long as the object is there. For functions of that object alone, and objects that never change:
 * then what is remembered is what would be made again.
 */
export function createMemo<T extends object, R>(make: (one: T) => R): (one: T) => R {
  const known = new WeakMap<T, { readonly made: R }>()
  return (one) => {
    const before = known.get(one)
    if (before !== undefined) return before.made
    const made = make(one)
    known.set(one, { made })
    return made
  }
}
