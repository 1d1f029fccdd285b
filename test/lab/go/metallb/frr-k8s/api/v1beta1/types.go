// Package v1beta1 stands in for frr-k8s' API, which Go's module mirror does not serve. MetalLB's controller is compiled with the code of its
// speaker, which names these types; it makes no objects of them and watches none.
package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

type (
	FRRConfiguration struct {
		metav1.TypeMeta
		metav1.ObjectMeta
		Spec FRRConfigurationSpec
	}
	FRRConfigurationSpec struct {
		BGP          BGPConfig
		NodeSelector metav1.LabelSelector
	}
	BGPConfig struct {
		Routers     []Router
		BFDProfiles []BFDProfile
	}
	Router struct {
		ASN       uint32
		ID        string
		VRF       string
		Neighbors []Neighbor
		Prefixes  []string
	}
	Neighbor struct {
		ASN                    uint32
		DynamicASN             DynamicASNMode
		Address                string
		Interface              string
		Port                   *uint16
		Password               string
		PasswordSecret         SecretReference
		HoldTime               *metav1.Duration
		KeepaliveTime          *metav1.Duration
		ConnectTime            *metav1.Duration
		EBGPMultiHop           bool
		BFDProfile             string
		EnableGracefulRestart  bool
		ToAdvertise            Advertise
		DisableMP              bool
		DualStackAddressFamily bool
	}
	DynamicASNMode  string
	SecretReference struct {
		Name      string
		Namespace string
	}
	Advertise struct {
		Allowed                   AllowedOutPrefixes
		PrefixesWithLocalPref     []LocalPrefPrefixes
		PrefixesWithCommunity     []CommunityPrefixes
		PrefixesWithAsPathPrepend []AsPathPrependPrefixes
	}
	AllowedOutPrefixes struct {
		Prefixes []string
	}
	LocalPrefPrefixes struct {
		Prefixes  []string
		LocalPref uint32
	}
	CommunityPrefixes struct {
		Prefixes  []string
		Community string
	}
	AsPathPrependPrefixes struct {
		Prefixes      []string
		AsPathPrepend uint8
	}
	BFDProfile struct {
		Name             string
		ReceiveInterval  *uint32
		TransmitInterval *uint32
		DetectMultiplier *uint32
		EchoInterval     *uint32
		EchoMode         *bool
		PassiveMode      *bool
		MinimumTTL       *uint32
	}
)

// AddToScheme adds nothing: there are no objects of these types.
func AddToScheme(*runtime.Scheme) error { return nil }

// DeepCopyInto and its like share what they point at: nobody changes any of it.
func (s *FRRConfigurationSpec) DeepCopyInto(out *FRRConfigurationSpec) { *out = *s }

func (c *FRRConfiguration) DeepCopy() *FRRConfiguration {
	copied := *c
	return &copied
}

func (c *FRRConfiguration) DeepCopyObject() runtime.Object { return c.DeepCopy() }
