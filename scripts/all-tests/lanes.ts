/** Something to do in a lane. */
export interface Work {
  readonly name: string
  /** What must have been done before. */
  readonly after?: Promise<unknown> | undefined
  /** Works of the same group never run at the same time. */
  readonly group?: string | undefined
}

/** Does all works, `lanes` at a time. The next one is always the first in the list that can begin. */
export async function runInLanes<Each extends Work>(
  works: readonly Each[],
  lanes: number,
  act: (work: Each) => Promise<void>,
): Promise<void> {
  const waiting = new Set(works)
  const groups = new Set<string>()
  const ready = new Set(works.filter(({ after }) => after === undefined))
  let change = Promise.withResolvers<void>()
  const changed = (): void => {
    change.resolve()
    change = Promise.withResolvers()
  }
  for (const work of works) {
    const begin = (): void => {
      ready.add(work)
      changed()
    }
    work.after?.then(begin, begin)
  }
  const next = (): Each | undefined => {
    for (const work of waiting)
      if (ready.has(work) && (work.group === undefined || !groups.has(work.group))) return work
    return undefined
  }
  const lane = async (): Promise<void> => {
    while (waiting.size > 0) {
      const work = next()
      if (work === undefined) {
        await change.promise
        continue
      }
      waiting.delete(work)
      if (work.group !== undefined) groups.add(work.group)
      await act(work)
      if (work.group !== undefined) groups.delete(work.group)
      changed()
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}
