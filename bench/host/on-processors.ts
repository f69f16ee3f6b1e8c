import type { BenchSetting } from '../setting.ts'

/** A command line that runs on the processors of a setting; what it starts runs there too. */
export function onProcessors(
  { processors }: Pick<BenchSetting, 'processors'>,
  argv: readonly string[],
): readonly string[] {
  return processors === undefined ? argv : ['taskset', '--cpu-list', `0-${processors - 1}`, ...argv]
}
