/**
 * Takes JSON of the API server for what its schema says it is. The server validated it and answers for its shape; what it does not validate
 * (addresses, names of others) is checked where it is used. This is the only place of this folder that trusts instead of checking.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function fromWire<T>(value: unknown): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return value as T
}

/** An object before its fields are picked. */
export interface RawObject {
  readonly metadata?: {
    readonly namespace?: string
    readonly name?: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
}

export interface RawList {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
  readonly items?: readonly unknown[] | null
}
