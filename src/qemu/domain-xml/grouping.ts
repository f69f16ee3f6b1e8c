/**
 * Groups items as libvirt does: disks by bus and controllers by type, each group at the place of its first member and sorted by index
 * (virDomainDiskInsert, virDomainControllerInsertPreAlloced, 9.0). Addresses and the boot order follow this order, not that of the XML.
 */
export function grouped<Item>(
  items: readonly Item[],
  groupOf: (item: Item) => string | undefined,
  indexOf: (item: Item) => number,
): readonly Item[] {
  const groups = new Map<string | undefined, Item[]>()
  for (const item of items) {
    const group = groups.get(groupOf(item))
    if (group === undefined) groups.set(groupOf(item), [item])
    else group.push(item)
  }
  return [...groups.values()].flatMap((group) => group.toSorted((a, b) => indexOf(a) - indexOf(b)))
}
