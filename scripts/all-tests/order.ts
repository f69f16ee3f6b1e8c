/** The files that take longest, longest first. The tests with libvirt are among them because they run one at a time. */
export const LONGEST: readonly string[] = [
  'scripts/all-tests/',
  'test/api/reference.test.ts',
  'test/libvirt/',
  'test/save/special-targets.test.ts',
  'test/restore/lazy.test.ts',
  'test/package/package.test.ts',
  'test/cli/progress.test.ts',
  'test/cli/surroundings.test.ts',
  'test/restore/map.test.ts',
  'test/machines/round-trips.test.ts',
  'test/save/managed-save.test.ts',
  'test/cli/json-contract.test.ts',
  'test/fuzz/',
  'test/lifecycle/planned-faults.test.ts',
  'test/restore/memory-lost.test.ts',
  'test/lifecycle/asleep.test.ts',
  'test/restore/sparse-loader.test.ts',
  'test/lifecycle/soak.test.ts',
  'test/lifecycle/looks.test.ts',
  'test/save/migration.test.ts',
  'test/cli/completion.test.ts',
  'test/live/',
  'test/lifecycle/shared-state.test.ts',
  'test/lifecycle/killed-start.test.ts',
  'test/checkpoint/',
  'test/restore/trust.test.ts',
  'test/cli/grammar.test.ts',
  'test/cli/doctor.test.ts',
  'test/cli/bundle.test.ts',
  'test/images/digest.test.ts',
  'test/images/verify.test.ts',
  'test/images/convert.test.ts',
]

/** The files that need neither guests nor QEMUs, and run while these are made and fetched. */
export const WITHOUT_QEMU: readonly string[] = [
  'scripts/all-tests/',
  'test/bench/page.test.ts',
  'test/bench/pictures.test.ts',
  'test/bench/report.test.ts',
  'test/api/arguments.test.ts',
  'test/api/reference.test.ts',
  'test/documents.test.ts',
  'test/import-rule.test.ts',
  'test/named-paths.test.ts',
  'test/pictures.test.ts',
  'test/troubleshooting.test.ts',
]

/** What unpacks the packages that only some tests need. */
const PACKAGES: readonly { readonly of: string; readonly script: string }[] = [
  { of: 'test/libvirt/', script: 'scripts/libvirt-bed 9.0 get' },
  { of: 'test/machines/', script: 'scripts/virt-install-domains' },
  { of: 'test/cli/completion.test.ts', script: 'scripts/shells' },
]

/** The files, those that take longest first. */
export function longestFirst(files: readonly string[]): readonly string[] {
  const place = (file: string): number => {
    const found = LONGEST.findIndex((each) => file.startsWith(each))
    return found === -1 ? LONGEST.length : found
  }
  return files.toSorted((a, b) => place(a) - place(b) || (a < b ? -1 : 1))
}

/** The scripts, with their arguments, that must have run before this test. */
export function scriptsBefore(file: string): readonly string[] {
  const isOf = (path: string): boolean => file.startsWith(path)
  return [
    ...(WITHOUT_QEMU.some(isOf) ? [] : ['scripts/prepare-tests']),
    ...PACKAGES.filter(({ of }) => isOf(of)).map(({ script }) => script),
  ]
}

/** Tests of the same group cannot run at the same time: there is one libvirt. */
export function groupOf(file: string): string | undefined {
  return file.startsWith('test/libvirt/') ? 'libvirt' : undefined
}
