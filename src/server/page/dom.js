/** @typedef {Node | string | undefined | false} Child */
/** @typedef {Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>} Attributes */

/**
 * Makes an element. Text becomes a text node, never markup. A function is called on its event; `false` and undefined leave an attribute out.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {readonly Child[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue
    if (typeof value === 'function') made.addEventListener(name, value)
    else made.setAttribute(name, value === true ? '' : String(value))
  }
  made.append(...children.filter((child) => child !== undefined && child !== false))
  return made
}

/**
 * The element of the document with an id.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the document has no #${id}`)
  return found
}

/**
 * The same, of one kind.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byIdOf(id, kind) {
  const found = byId(id)
  if (!(found instanceof kind)) throw new TypeError(`#${id} is no ${kind.name}`)
  return found
}

/** @type {WeakMap<Element, { readonly key: string, readonly signature: string }>} */
const drawn = new WeakMap()

/**
 * Brings the children of a container to a list. What has not changed stays the same element: it keeps its focus, and whether it is open.
 *
 * @template T
 * @param {Element} container
 * @param {readonly T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} build
 */
export function drawList(container, items, keyOf, build) {
  /** @type {Map<string, Element>} */
  const before = new Map()
  for (const child of container.children) {
    const known = drawn.get(child)
    if (known !== undefined) before.set(known.key, child)
  }
  const children = items.map((item) => drawOne(item, keyOf(item), before, build))
  const keep = new Set(children)
  for (const child of before.values()) if (!keep.has(child)) child.remove()
  children.forEach((child, index) => {
    const there = container.children[index]
    if (there !== child) container.insertBefore(child, there ?? null)
  })
}

/**
 * @template T
 * @param {T} item
 * @param {string} key
 * @param {ReadonlyMap<string, Element>} before
 * @param {(item: T) => HTMLElement} build
 * @returns {Element}
 */
function drawOne(item, key, before, build) {
  const signature = JSON.stringify(item)
  const old = before.get(key)
  if (old !== undefined && drawn.get(old)?.signature === signature) return old
  const made = build(item)
  if (old instanceof HTMLDetailsElement && made instanceof HTMLDetailsElement) made.open = old.open
  drawn.set(made, { key, signature })
  return made
}
