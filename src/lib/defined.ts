/** The members that have a value: an optional property is left out, not undefined. */
export type Defined<T> = Flat<
  { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
    [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
  }
>

type Flat<T> = { [K in keyof T]: T[K] }

/** Drops the members that are undefined: `{ code, ...defined({ state, nonce }) }`. */
export function defined<T extends object>(members: T): Defined<T> {
  const result: Partial<T> = {}
  for (const name of Object.keys(members) as (keyof T)[])
    if (members[name] !== undefined) result[name] = members[name]
  return result as Defined<T>
}
