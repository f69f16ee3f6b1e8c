/** The progress of an act on all domains of a host. */
export type HostProgress<Progress> =
  /** First: the domains, in the order of their turns. `memoryBytes` is `undefined` where it is unknown. */
  | {
      readonly phase: 'planned'
      readonly domains: readonly {
        readonly name: string
        readonly memoryBytes: number | undefined
      }[]
    }
  /** The progress of one of them. */
  | { readonly phase: 'domain'; readonly name: string; readonly progress: Progress }
