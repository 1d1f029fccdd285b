/** What left a list and what came into it. */
export interface Difference<T> {
  readonly gone: readonly T[]
  readonly come: readonly T[]
}

/** Compares two lists of objects by identity, order aside. Each object is in a list once. Lists that differ in one place cost one look at each element. */
export function compareLists<T extends object>(before: readonly T[], after: readonly T[]): Difference<T> {
  const { head, tail } = commonEnds(before, after)
  const olds = before.slice(head, before.length - tail)
  const news = after.slice(head, after.length - tail)
  if (olds.length === 0 || news.length === 0) return { gone: olds, come: news }
  const [had, has] = [new Set(olds), new Set(news)]
  return { gone: olds.filter((one) => !has.has(one)), come: news.filter((one) => !had.has(one)) }
}

/** How many elements at the start and at the end of two lists are the same objects. */
function commonEnds<T extends object>(
  a: readonly T[],
  b: readonly T[],
): { readonly head: number; readonly tail: number } {
  const most = Math.min(a.length, b.length)
  let head = 0
  while (head < most && a[head] === b[head]) head++
  let tail = 0
  while (tail < most - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  return { head, tail }
}

/** Whether two lists have the same objects in the same order. */
export function sameElements<T extends object>(a: readonly T[], b: readonly T[]): boolean {
  return a === b || (a.length === b.length && a.every((one, index) => one === b[index]))
}

/** Maps a list, in a context that what is made may depend on. */
export type Mapper<T, R, C = void> = (list: readonly T[], context: C) => readonly R[]

/**
 * Makes something of each element of a list that comes again and again with few differences. What was made of an element of the last list is taken
 * again, unless it is stale by now; where all of it is, the list of results is the same one.
 */
export function createMapper<T extends object, R extends object | undefined, C = void>(
  make: (element: T, context: C) => R,
  isStale?: (made: R, context: C) => boolean,
): Mapper<T, R, C> {
  let last: readonly T[] = []
  let results: readonly R[] = []
  return (list, context) => {
    if (list !== last) results = carryOver(last, results, list, (element) => make(element, context))
    last = list
    if (isStale !== undefined)
      results = renew(
        list,
        results,
        (made) => isStale(made, context),
        (element) => make(element, context),
      )
    return results
  }
}

function carryOver<T extends object, R extends object | undefined>(
  last: readonly T[],
  results: readonly R[],
  list: readonly T[],
  make: (element: T) => R,
): readonly R[] {
  const { head, tail } = commonEnds(last, list)
  if (head === last.length && head === list.length) return results
  const known = new Map<T, R>()
  for (let at = head; at < last.length - tail; at++) {
    const element = last[at]
    const made = results[at]
    if (element !== undefined && made !== undefined) known.set(element, made)
  }
  const middle = list.slice(head, list.length - tail).map((element): R => {
    const made = known.get(element)
    return made === undefined ? make(element) : made
  })
  return results.slice(0, head).concat(middle, results.slice(last.length - tail))
}

function renew<T, R>(
  list: readonly T[],
  results: readonly R[],
  isStale: (made: R) => boolean,
  make: (element: T) => R,
): readonly R[] {
  let renewed: R[] | undefined
  for (const [at, made] of results.entries()) {
    const element = list[at]
    if (element === undefined || !isStale(made)) continue
    renewed ??= results.slice()
    renewed[at] = make(element)
  }
  return renewed ?? results
}

/**
 * Sorts a list of objects, each with a key of its own, that comes again and again with few differences: what is new is put in its place. Lists of
 * the same objects, whatever their order, give the same list. `sort` puts any list in the order of its keys.
 */
export function createSorter<T extends object>(
  keyOf: (element: T) => string,
  sort: (list: readonly T[]) => readonly T[],
): (list: readonly T[]) => readonly T[] {
  let last: readonly T[] = []
  let sorted: readonly T[] = []
  return (list) => {
    const { gone, come } = compareLists(last, list)
    last = list
    if (gone.length + come.length === 0) return sorted
    // Each of many would be looked for in a list that is better sorted at once.
    const isMuch = come.length * 8 > list.length
    sorted = isMuch ? sort(list) : insertAll(withoutAll(sorted, gone), sort(come), keyOf)
    return sorted
  }
}

function withoutAll<T>(list: readonly T[], gone: readonly T[]): readonly T[] {
  if (gone.length === 0) return list
  const leaving = new Set(gone)
  return list.filter((one) => !leaving.has(one))
}

/** Both lists are sorted. */
function insertAll<T>(list: readonly T[], come: readonly T[], keyOf: (element: T) => string): readonly T[] {
  const pieces: (readonly T[])[] = []
  let from = 0
  for (const one of come) {
    const to = findPlace(list, from, keyOf(one), keyOf)
    pieces.push(list.slice(from, to), [one])
    from = to
  }
  return list.slice(0, 0).concat(...pieces, list.slice(from))
}

/** Where the first element is that has a greater key, from some place on. */
function findPlace<T>(list: readonly T[], from: number, key: string, keyOf: (element: T) => string): number {
  let [low, high] = [from, list.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const element = list[middle]
    if (element !== undefined && keyOf(element) <= key) low = middle + 1
    else high = middle
  }
  return low
}

/** What is found by id, round after round. */
export interface Recall<T> {
  /** Begins a round. What nobody asked for in the last one is forgotten. */
  next(): void
  /** What was found for an id in this round, or in the last one from the very same objects; otherwise it is found now. */
  get(id: string, from: () => readonly object[], find: () => T): T
}

/** Where what is found anew is the same as before by content, it stays the object that it was. */
export function createRecall<T>(isSame: (before: T, after: T) => boolean): Recall<T> {
  interface Found {
    readonly from: readonly object[]
    readonly result: T
  }
  let last = new Map<string, Found>()
  let now = new Map<string, Found>()
  return {
    next: () => {
      last = now
      now = new Map()
    },
    get: (id, from, find) => {
      const current = now.get(id)
      if (current !== undefined) return current.result
      const [before, sources] = [last.get(id), from()]
      if (before !== undefined && sameElements(before.from, sources)) {
        now.set(id, before)
        return before.result
      }
      const fresh = find()
      const result = before !== undefined && isSame(before.result, fresh) ? before.result : fresh
      now.set(id, { from: sources, result })
      return result
    },
  }
}
