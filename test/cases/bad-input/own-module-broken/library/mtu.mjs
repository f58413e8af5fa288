export default { kind: 'host', name: 'mut', summary: 'Sets the MTU of a device.' };
