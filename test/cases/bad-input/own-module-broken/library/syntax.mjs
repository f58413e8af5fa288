export default { kind: 'host'
