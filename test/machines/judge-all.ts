import { LIBVIRT_VERSIONS, libvirtCases, TESTED_ARCHITECTURES, virtInstallCases } from './cases.ts'
import { type InputKind, type Judgement, judge, judgeDomain } from './judge.ts'

const INPUTS: readonly InputKind[] = ['define', 'image']

/** Judges every machine of libvirt's tests and of virt-install; only one of each `every` in the order of their names, only those whose names contain `only`. */
export function judgeAll({
  every = 1,
  only = '',
}: { readonly every?: number; readonly only?: string } = {}): readonly Judgement[] {
  const chosen = ({ name }: { readonly name: string }, at: number): boolean =>
    at % every === 0 && name.includes(only)
  return [
    ...TESTED_ARCHITECTURES.flatMap((architecture) =>
      LIBVIRT_VERSIONS.flatMap((version) =>
        libvirtCases(version, architecture)
          .filter(chosen)
          .flatMap((one) => INPUTS.flatMap((input) => judge(one, input) ?? [])),
      ),
    ),
    ...virtInstallCases().filter(chosen).map(judgeDomain),
  ]
}
