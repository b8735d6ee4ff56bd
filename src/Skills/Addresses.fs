namespace Twofold.Extensions.Skills

// Which IP addresses a skill's request may connect to: public ones only. The ranges are those of IANA's registries of special-purpose addresses.
// In: an address as a name resolved to it. Out: whether it is public.

open System
open System.Net
open System.Net.Sockets

/// Judging addresses.
module internal Addresses =
    // Address, bits of the prefix. Loopback, private, link-local (the metadata services of clouds among them), shared, documentation, multicast, reserved.
    let private special4 =
        [
            "0.0.0.0", 8
            "10.0.0.0", 8
            "100.64.0.0", 10
            "127.0.0.0", 8
            "169.254.0.0", 16
            "172.16.0.0", 12
            "192.0.0.0", 24
            "192.0.2.0", 24
            "192.31.196.0", 24
            "192.52.193.0", 24
            "192.88.99.0", 24
            "192.168.0.0", 16
            "192.175.48.0", 24
            "198.18.0.0", 15
            "198.51.100.0", 24
            "203.0.113.0", 24
            "224.0.0.0", 4
            "240.0.0.0", 4
            // Platform services that answer inside one cloud only.
            "168.63.129.16", 32
        ]
        |> List.map (fun (a, bits) -> IPNetwork(IPAddress.Parse a, bits))

    // Of IPv6 only global unicast is public, and of that not what stands for IPv4 (6to4, Teredo) or for nobody.
    let private global6 = IPNetwork(IPAddress.Parse "2000::", 3)

    let private special6 =
        [ "2001::", 23; "2001:db8::", 32; "2002::", 16; "3fff::", 20; "2620:4f:8000::", 48 ]
        |> List.map (fun (a, bits) -> IPNetwork(IPAddress.Parse a, bits))

    /// Whether it is a public address; an IPv4 address inside an IPv6 one is judged as what it is.
    let rec isPublic (address: IPAddress) : bool =
        if address.AddressFamily = AddressFamily.InterNetworkV6 && address.IsIPv4MappedToIPv6 then
            isPublic (address.MapToIPv4())
        elif address.AddressFamily = AddressFamily.InterNetwork then
            special4 |> List.forall (fun n -> not (n.Contains address))
        elif address.AddressFamily = AddressFamily.InterNetworkV6 then
            let plain = if address.ScopeId = 0L then address else IPAddress(address.GetAddressBytes())
            global6.Contains plain && special6 |> List.forall (fun n -> not (n.Contains plain))
        else
            false

/// A name led to an address that is not public.
exception internal ForbiddenAddress of IPAddress
