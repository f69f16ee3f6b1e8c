import { hostMemory } from '../../../qemu/host-facts.ts'
import { definedDomains, namesOf } from '../definitions.ts'
import { type HealthCheck, right } from '../health-check.ts'

/** Whether the host has the huge pages that definitions ask for. */
export const HUGE_PAGES: HealthCheck = {
  name: 'huge-pages',
  async look({ directories }) {
    const { freeHugePages, hugePageBytes } = await hostMemory()
    const users = (await definedDomains(directories)).filter(
      ({ domain }) => domain.memoryBacking.hugepages !== undefined,
    )
    const pages = `${freeHugePages} huge pages of ${hugePageBytes / 2 ** 20} MiB are free`
    const [largest] = users.toSorted((a, b) => b.domain.memoryBytes - a.domain.memoryBytes)
    if (largest === undefined) return [right(`${pages}, and no definition asks for them`)]
    const bytes = largest.domain.memoryBacking.hugepages?.sizeBytes ?? hugePageBytes
    // Those of other sizes are not counted in /proc/meminfo.
    if (bytes !== hugePageBytes || freeHugePages * hugePageBytes >= largest.domain.memoryBytes)
      return [right(`${pages}; ${namesOf(users)} use them`)]
    const missing = Math.ceil(largest.domain.memoryBytes / hugePageBytes) - freeHugePages
    return [
      {
        verdict: 'warning',
        text: `${pages}: too few for '${largest.name}', unless it runs already`,
        remedy: `Add ${missing} to vm.nr_hugepages (\`sysctl vm.nr_hugepages\` shows it)`,
      },
    ]
  },
}
