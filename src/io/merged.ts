/** The items of several generators, in the order in which they come. When it ends, it ends all of them. */
export async function* merged<Item>(
  ...sources: readonly AsyncGenerator<Item, void, void>[]
): AsyncGenerator<Item, void, void> {
  const next = async (source: AsyncGenerator<Item, void, void>) => ({
    source,
    result: await source.next(),
  })
  const waiting = new Map(sources.map((source) => [source, next(source)]))
  try {
    while (waiting.size > 0) {
      const { source, result } = await Promise.race(waiting.values())
      if (result.done === true) {
        waiting.delete(source)
        continue
      }
      waiting.set(source, next(source))
      yield result.value
    }
  } finally {
    for (const source of waiting.keys()) void source.return()
  }
}
