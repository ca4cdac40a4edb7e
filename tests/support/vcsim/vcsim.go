// A vCenter for tests: govmomi's simulator, with what it lacks. It writes the URL of its SDK to standard output and
// runs until it is ended.
//
// Of the stock simulator, lists of objects come in one page, virtual disks have no I/O, and samples are random. Here a
// list has pages of the size that was asked for, and what each virtual disk does is a formula that a test can work out:
// see rate().
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

const (
	interval   = 20  // seconds of a sample
	maxSamples = 180 // an hour, which is what a host keeps
)

// collector gives lists in pages. It is by value what the simulator makes one of for each session.
type collector struct{ simulator.PropertyCollector }

var pages = struct {
	sync.Mutex
	rest map[string]page
	next int
}{rest: make(map[string]page)}

type page struct {
	objects []types.ObjectContent
	size    int
}

func (c *collector) RetrievePropertiesEx(ctx *simulator.Context, req *types.RetrievePropertiesEx) soap.HasFault {
	answer := c.PropertyCollector.RetrievePropertiesEx(ctx, req)
	body := answer.(*methods.RetrievePropertiesExBody)
	if body.Fault_ == nil && req.Options.MaxObjects > 0 {
		body.Res.Returnval = paged(page{body.Res.Returnval.Objects, int(req.Options.MaxObjects)})
	}
	return answer
}

func (c *collector) ContinueRetrievePropertiesEx(req *types.ContinueRetrievePropertiesEx) soap.HasFault {
	pages.Lock()
	rest, known := pages.rest[req.Token]
	delete(pages.rest, req.Token)
	pages.Unlock()
	if !known {
		return &methods.ContinueRetrievePropertiesExBody{
			Fault_: simulator.Fault("", &types.InvalidArgument{InvalidProperty: "token"}),
		}
	}
	return &methods.ContinueRetrievePropertiesExBody{
		Res: &types.ContinueRetrievePropertiesExResponse{Returnval: *paged(rest)},
	}
}

// paged keeps what follows the first page, for one request with its token.
func paged(whole page) *types.RetrieveResult {
	if len(whole.objects) <= whole.size {
		return &types.RetrieveResult{Objects: whole.objects}
	}
	pages.Lock()
	defer pages.Unlock()
	pages.next++
	token := strconv.Itoa(pages.next)
	pages.rest[token] = page{whole.objects[whole.size:], whole.size}
	return &types.RetrieveResult{Token: token, Objects: whole.objects[:whole.size]}
}

// performance has samples of what virtual disks do.
type performance struct{ simulator.PerformanceManager }

// rate is what a disk does per second on average in the sample that ends at t, in seconds since 1970: FNV-1a, in 32
// bits, of "moid/instance/counter/t", modulo 500.
func rate(moid, instance string, counter int32, t int64) int64 {
	h := uint32(2166136261)
	for _, c := range []byte(fmt.Sprintf("%s/%s/%d/%d", moid, instance, counter, t)) {
		h = (h ^ uint32(c)) * 16777619
	}
	return int64(h % 500)
}

// number is the one in "vm-123".
func number(moid string) int64 {
	n, _ := strconv.ParseInt(moid[strings.LastIndex(moid, "-")+1:], 10, 64)
	return n
}

// sample is a value as CSV. The last digit of the VM's number says what is special about it: 0 is idle; of 1 every
// fifth sample is missing altogether, of 2 it is -1 and of 3 empty.
func sample(moid, instance string, counter int32, t int64) string {
	fifth := t/interval%5 == 0
	switch digit := number(moid) % 10; {
	case digit == 0:
		return "0"
	case digit == 2 && fifth:
		return "-1"
	case digit == 3 && fifth:
		return ""
	}
	return strconv.FormatInt(rate(moid, instance, counter, t), 10)
}

// disks are the instances of a VM's virtual disks: those on SCSI controllers are enough here.
func disks(vm *simulator.VirtualMachine) []string {
	var found []string
	buses := make(map[int32]int32)
	for _, device := range vm.Config.Hardware.Device {
		if controller, ok := device.(types.BaseVirtualSCSIController); ok {
			c := controller.GetVirtualSCSIController()
			buses[c.Key] = c.BusNumber
		}
	}
	for _, device := range vm.Config.Hardware.Device {
		if disk, ok := device.(*types.VirtualDisk); ok {
			found = append(found, fmt.Sprintf("scsi%d:%d", buses[disk.ControllerKey], *disk.UnitNumber))
		}
	}
	return found
}

// fill gives a VM further disks, and some of them limits: of three disks one has what vCenter says of a disk without a
// limit, one has a limit and a reservation, and one has nothing at all.
func fill(vm *simulator.VirtualMachine, index, count int) {
	var first *types.VirtualDisk
	for _, device := range vm.Config.Hardware.Device {
		if disk, ok := device.(*types.VirtualDisk); ok {
			first = disk
		}
	}
	backing := first.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
	for n := 0; n < count; n++ {
		disk := first
		if n > 0 {
			unit := int32(n)
			if n >= 7 {
				unit++ // 7 is the controller itself
			}
			copied, of := *first, *backing
			disk = &copied
			disk.Key += int32(n)
			disk.UnitNumber = &unit
			of.FileName = strings.Replace(backing.FileName, "disk1", fmt.Sprintf("disk%d", n+1), 1)
			disk.Backing = &of
			vm.Config.Hardware.Device = append(vm.Config.Hardware.Device, disk)
		}
		of := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
		of.Uuid = fmt.Sprintf("6000C29%x-0000-4000-8000-%012x", n, index)
		none, some, unlimited, limit := int32(0), int32(100), int64(-1), int64(500)
		switch (index + n) % 3 {
		case 0:
			disk.StorageIOAllocation = &types.StorageIOAllocationInfo{
				Limit: &unlimited, Shares: &types.SharesInfo{Shares: 1000, Level: "normal"}, Reservation: &none,
			}
		case 1:
			disk.StorageIOAllocation = &types.StorageIOAllocationInfo{
				Limit: &limit, Shares: &types.SharesInfo{Shares: 2000, Level: "high"}, Reservation: &some,
			}
		}
	}
}

// times are the ends of the samples that were asked for, oldest first.
func times(query types.PerfQuerySpec) []int64 {
	end := time.Now()
	if query.EndTime != nil {
		end = *query.EndTime
	}
	last := end.Unix() / interval * interval
	first := time.Now().Unix()/interval*interval - (maxSamples-1)*interval
	var found []int64
	for t := first; t <= last; t += interval {
		isLate := query.StartTime == nil || t > query.StartTime.Unix()
		if isLate && !(number(query.Entity.Value)%10 == 1 && t/interval%5 == 0) {
			found = append(found, t)
		}
	}
	if most := int(query.MaxSample); most > 0 && len(found) > most {
		found = found[len(found)-most:]
	}
	return found
}

func (p *performance) QueryPerf(ctx *simulator.Context, req *types.QueryPerf) soap.HasFault {
	body := &methods.QueryPerfBody{Res: new(types.QueryPerfResponse)}
	for _, query := range req.QuerySpec {
		vm, ok := simulator.Map.Get(query.Entity).(*simulator.VirtualMachine)
		if !ok || vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
			continue
		}
		ends := times(query)
		var info []string
		for _, t := range ends {
			info = append(info, fmt.Sprintf("%d,%s", interval, time.Unix(t, 0).UTC().Format(time.RFC3339)))
		}
		metric := &types.PerfEntityMetricCSV{SampleInfoCSV: strings.Join(info, ",")}
		metric.Entity = query.Entity
		for _, id := range query.MetricId {
			instances := []string{id.Instance}
			if id.Instance == "*" {
				instances = append(disks(vm), "")
			}
			for _, instance := range instances {
				var values []string
				for _, t := range ends {
					values = append(values, sample(query.Entity.Value, instance, id.CounterId, t))
				}
				series := types.PerfMetricSeriesCSV{Value: strings.Join(values, ",")}
				series.Id = types.PerfMetricId{CounterId: id.CounterId, Instance: instance}
				metric.Value = append(metric.Value, series)
			}
		}
		body.Res.Returnval = append(body.Res.Returnval, metric)
	}
	return body
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address and port")
	machines := flag.Int("vm", 2, "how many VMs to have")
	perMachine := flag.Int("disks", 1, "how many disks each VM has, 15 at most")
	username := flag.String("username", "user", "who may log in")
	password := flag.String("password", "pass", "with what")
	certificate := flag.String("certificate", "", "a file with a certificate and its key, for TLS")
	flag.Parse()

	model := simulator.VPX()
	model.Host = 0 // all VMs are in the cluster
	model.Machine = *machines
	defer model.Remove()
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	for index, vm := range simulator.Map.All("VirtualMachine") {
		fill(vm.(*simulator.VirtualMachine), index, *perMachine)
	}
	stock := simulator.Map.Get(*model.ServiceContent.PerfManager).(*simulator.PerformanceManager)
	simulator.Map.Put(&performance{*stock})
	paging := new(collector)
	paging.Self = model.ServiceContent.PropertyCollector
	simulator.Map.Put(paging)

	model.Service.Listen = &url.URL{Host: *listen, User: url.UserPassword(*username, *password)}
	if *certificate != "" {
		pair, err := tls.LoadX509KeyPair(*certificate, *certificate)
		if err != nil {
			log.Fatal(err)
		}
		model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	server := model.Service.NewServer()
	defer server.Close()
	address := *server.URL // the simulator takes whom it lets in from its own
	address.User = nil
	fmt.Println(&address)
	ending := make(chan os.Signal, 1)
	signal.Notify(ending, syscall.SIGINT, syscall.SIGTERM)
	<-ending
}
